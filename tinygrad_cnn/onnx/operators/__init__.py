"""Which ONNX operators our operations are: one table, by the operation's name, from a file for each theme."""

from ..graph import Translation
from . import (
    activations,
    elementwise,
    images,
    indexing,
    losses,
    normalizing,
    products,
    recurrent,
    reductions,
    shapes,
    slopes,
)

_THEMES = (
    *(elementwise, activations, reductions, shapes, indexing, products, images, normalizing, recurrent),
    *(losses, slopes),
)

TABLE: dict[str, Translation] = {name: translation for theme in _THEMES for name, translation in theme.TABLE.items()}
