"""Transforms of one image under torchvision's names: a PIL image, an array where torchvision takes one, or a Tensor of
shape (..., H, W). What is random is drawn from the generator that ``tg.manual_seed`` sets.

Whole batches are augmented faster by the transforms of `tinygrad_cnn.data`, which the loader calls.
"""

from . import functional as functional
from .coloring import ColorJitter, GaussianBlur, RandomErasing, RandomGrayscale, RandomInvert
from .composing import Compose, Lambda, RandomApply, RandomChoice, RandomOrder, RandomTransforms
from .conversion import ConvertImageDtype, Normalize, PILToTensor, ToPILImage, ToTensor
from .fixed import CenterCrop, FiveCrop, Grayscale, Pad, Resize, TenCrop
from .functional.images import InterpolationMode
from .geometric import (
    RandomAffine,
    RandomCrop,
    RandomHorizontalFlip,
    RandomResizedCrop,
    RandomRotation,
    RandomVerticalFlip,
)

__all__ = [
    "CenterCrop",
    "ColorJitter",
    "Compose",
    "ConvertImageDtype",
    "FiveCrop",
    "GaussianBlur",
    "Grayscale",
    "InterpolationMode",
    "Lambda",
    "Normalize",
    "PILToTensor",
    "Pad",
    "RandomAffine",
    "RandomApply",
    "RandomChoice",
    "RandomCrop",
    "RandomErasing",
    "RandomGrayscale",
    "RandomHorizontalFlip",
    "RandomInvert",
    "RandomOrder",
    "RandomResizedCrop",
    "RandomRotation",
    "RandomTransforms",
    "RandomVerticalFlip",
    "Resize",
    "TenCrop",
    "ToPILImage",
    "ToTensor",
    "functional",
]
