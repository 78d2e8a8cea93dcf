"""``tinygrad_cnn.data`` under the name of ``torch.utils.data``."""

from ...data import *  # noqa: F403
from ...data import __all__ as __all__
from . import dataloader as dataloader
from . import dataset as dataset
from . import sampler as sampler
