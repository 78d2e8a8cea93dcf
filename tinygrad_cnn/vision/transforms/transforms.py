"""The module in which torchvision defines its classes: ``from torchvision.transforms import transforms``."""

from . import *  # noqa: F403
from . import __all__ as __all__
