"""A trained network as one HTML file that reads digits in any browser: no Python, no server, no network.

page = take_away(model)                 # the LeNet of mnist_cnn.py, or any layers in a row that it has kinds of
page.save("digits.html")                # open it, mail it, carry it about

The weights stand in the file as text (base64 of float32). What runs them is plain JavaScript, in the folder take_away:
network.js is the network, center.js what becomes of a drawing before it, page.js the pen and the bars.
"""

import base64
from pathlib import Path

import numpy as np

import tinygrad_cnn as tg
from tinygrad_cnn import nn
from tinygrad_cnn.viz.kit.page import Page, base_style, document

FOLDER = Path(__file__).with_suffix("")
NAME = "digits.html"  # of the file, where nobody says another
HEIGHT = 640  # pixels in a notebook


def coded(parameter):
    """A parameter as the page takes it: its shape, and the bytes of its float32 numbers as text."""
    numbers = np.ascontiguousarray(parameter.numpy(), "<f4")
    return {"shape": list(numbers.shape), "base64": base64.b64encode(numbers.tobytes()).decode()}


def pair(value):
    """A setting for both directions: [down, across]."""
    return [int(v) for v in (value if isinstance(value, (tuple, list)) else (value, value))]


def check(layer, name, **plain):
    """ValueError where a layer has a setting that network.js does not know."""
    for setting, known in plain.items():
        value = getattr(layer, setting)
        if value not in (known, (known, known)):
            raise ValueError(f"take_away: network.js knows {name} with {setting}={known!r} alone, got {value!r}")


def conv2d(layer, name):
    check(layer, name, groups=1, dilation=1, padding_mode="zeros")
    if isinstance(layer.padding, str):
        raise ValueError(f"take_away: network.js wants the padding of {name} in pixels, got {layer.padding!r}")
    return {"stride": pair(layer.stride), "padding": pair(layer.padding), **weights(layer)}


def max_pool2d(layer, name):
    check(layer, name, padding=0, dilation=1, ceil_mode=False, return_indices=False)
    return {"kernel": pair(layer.kernel_size), "stride": pair(layer.stride)}


def weights(layer, _name=None):
    bias = {} if layer.bias is None else {"bias": coded(layer.bias)}
    return {"weight": coded(layer.weight), **bias}


KINDS = {  # each with its name in network.js, and what that needs to know
    nn.Conv2d: ("conv2d", conv2d),
    nn.Linear: ("linear", weights),
    nn.MaxPool2d: ("maxPool2d", max_pool2d),
    nn.ReLU: ("relu", lambda _layer, _name: {}),
    nn.Flatten: ("flatten", lambda layer, name: check(layer, name, start_dim=1, end_dim=-1) or {}),
}
SILENT = (nn.Dropout, nn.Dropout2d, nn.Identity)  # which do nothing once a network is trained


def layers_of(model):
    """The innermost modules in order, [(name, layer), ...]."""
    parts = [(name, m) for name, m in model.named_modules() if not list(m.children())]
    return [(name, m) for name, m in parts if not isinstance(m, SILENT)]


def run(layers, x):
    """What the layers make of x, one after another."""
    try:
        for _, layer in layers:
            x = layer(x)
    except (RuntimeError, ValueError) as error:
        raise ValueError(f"take_away: the layers of this model do not follow one another: {error}") from error
    return x


def check_order(model, layers):
    """ValueError unless the layers, one after another, are the model, which gives ten scores to an image."""
    x = tg.tensor(np.random.default_rng(0).random((1, 1, 28, 28), np.float32))
    was = [module for module in model.modules() if module.training]
    try:
        with tg.no_grad():
            whole, row = model.eval()(x), run(layers, x)
    finally:
        for module in was:
            module.training = True
    if whole.shape != (1, 10):
        raise ValueError(f"take_away: the model must give the ten digits scores, (1, 10); it gave {whole.shape}")
    if row.shape != whole.shape or not np.allclose(row.numpy(), whole.numpy(), atol=1e-5):
        raise ValueError("take_away: the model does more in its forward than run its layers one after another")


def take_away(model, title="Digits to take with you"):
    """The page of a model of layers in a row, from images (N, 1, 28, 28) to ten scores (N, 10).

    Raises ValueError for a layer that network.js has no function for, naming those that it has.
    """
    layers, steps = layers_of(model), []
    for name, layer in layers:
        if type(layer) not in KINDS:
            known = ", ".join(kind.__name__ for kind in (*KINDS, *SILENT))
            raise ValueError(f"take_away: network.js has no {type(layer).__name__} ({name}); it has {known}")
        kind, describe = KINDS[type(layer)]
        steps.append({"name": name, "kind": kind, **describe(layer, name)})
    check_order(model, layers)
    body, style, *scripts = (
        (FOLDER / name).read_text(encoding="utf-8")
        for name in ("index.html", "style.css", "network.js", "center.js", "page.js")
    )
    return Page(document(title, body, styles=[base_style(), style], scripts=scripts, data={"layers": steps}), HEIGHT)
