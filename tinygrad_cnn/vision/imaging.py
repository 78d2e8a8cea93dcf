"""Pillow, which reads, makes and writes pictures: an extra, imported by who needs it."""

from __future__ import annotations

from typing import Any


def pillow() -> Any:
    """The module PIL.Image, or an error that says how to get it."""
    try:
        from PIL import Image
    except ImportError as error:
        raise ImportError(
            "pictures of tinygrad_cnn.vision are Pillow's: pip install 'tinygrad-cnn[vision]', or pip install pillow"
        ) from error
    return Image


def picture(pixels: Any) -> Any:
    """A uint8 array (H, W) or (H, W, 3) as a picture, grey or RGB."""
    return pillow().fromarray(pixels)
