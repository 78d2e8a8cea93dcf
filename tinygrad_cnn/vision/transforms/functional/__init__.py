"""What the transforms do, as functions of one image: a PIL image, or a Tensor of shape (..., H, W).

PIL does the work on PIL images. On tensors it is done by operations, so gradients pass; integer images keep their dtype
and are rounded where numbers are blended.
"""

from .blurring import gaussian_blur
from .color import (
    adjust_brightness,
    adjust_contrast,
    adjust_gamma,
    adjust_hue,
    adjust_saturation,
    invert,
    rgb_to_grayscale,
    to_grayscale,
)
from .conversion import convert_image_dtype, normalize, pil_to_tensor, to_pil_image, to_tensor
from .cropping import center_crop, crop, erase, five_crop, hflip, ten_crop, vflip
from .images import InterpolationMode, get_dimensions, get_image_num_channels, get_image_size
from .padding import pad
from .sizes import resize, resized_crop
from .warping import affine, rotate

__all__ = [
    "InterpolationMode",
    "adjust_brightness",
    "adjust_contrast",
    "adjust_gamma",
    "adjust_hue",
    "adjust_saturation",
    "affine",
    "center_crop",
    "convert_image_dtype",
    "crop",
    "erase",
    "five_crop",
    "gaussian_blur",
    "get_dimensions",
    "get_image_num_channels",
    "get_image_size",
    "hflip",
    "invert",
    "normalize",
    "pad",
    "pil_to_tensor",
    "resize",
    "resized_crop",
    "rgb_to_grayscale",
    "rotate",
    "ten_crop",
    "to_grayscale",
    "to_pil_image",
    "to_tensor",
    "vflip",
]
