"""Which ONNX operators our operations are: one table, by the operation's name, from a file for each theme."""

from ...programs import Step
from ..graph import Graph, Translation, Untranslatable
from . import activations, elementwise, images, indexing, normalizing, products, recurrent, reductions, shapes


def _dropped(_g: Graph, _s: Step, *_x: str) -> str:
    raise Untranslatable("dropout at work: the module is no part of the model, or training=True is written there")


TABLE: dict[str, Translation] = {
    name: translation
    for theme in (elementwise, activations, reductions, shapes, indexing, products, images, normalizing, recurrent)
    for name, translation in theme.TABLE.items()
} | {"drop": _dropped}
