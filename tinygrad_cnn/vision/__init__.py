"""torchvision's names: ``import tinygrad_cnn.vision as torchvision``. Single images, one sample at a time."""

from . import transforms as transforms

__all__ = ["transforms"]
