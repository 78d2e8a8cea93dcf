"""Trained weights: none come along, and who asks for them is told where to get them."""

from __future__ import annotations

from typing import Any


class Weights:
    """The name of trained weights, such as ``ResNet18_Weights.DEFAULT``, so that a script's imports go through."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Weights:
        if name.startswith("_"):
            raise AttributeError(name)
        return Weights(f"{self._name}.{name}")

    def __call__(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError(f"{self._name} is a name alone: no trained weights, nor their transforms, come along")

    def __repr__(self) -> str:
        return self._name


def untrained(name: str, weights: Any, progress: bool, settings: dict[str, Any]) -> dict[str, Any]:
    """The settings for a network's constructor, without ``pretrained``, which like ``weights`` may ask for nothing.

    ``progress``, of a download, is accepted and has no use.
    """
    del progress
    settings = dict(settings)
    for argument, asked in (("weights", weights), ("pretrained", settings.pop("pretrained", None))):
        if asked is not None and asked is not False:
            raise RuntimeError(
                f"{name}({argument}={asked!r}): no weights are downloaded. Leave the argument out, and load a file of "
                "torchvision's state_dict, written by torch.save: "
                f"net = {name}(); net.load_state_dict(tg.load('{name}.pth'))"
            )
    return settings
