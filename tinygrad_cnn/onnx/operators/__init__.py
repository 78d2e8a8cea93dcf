"""Which ONNX operators our operations are: one table, by the operation's name, from a file for each theme."""

from ..graph import Translation
from . import activations, elementwise, images, indexing, normalizing, products, recurrent, reductions, shapes

TABLE: dict[str, Translation] = {
    name: translation
    for theme in (elementwise, activations, reductions, shapes, indexing, products, images, normalizing, recurrent)
    for name, translation in theme.TABLE.items()
}
