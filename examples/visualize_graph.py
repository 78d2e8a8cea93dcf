"""Draw three computation graphs: an expression, a small classifier, and a convnet with its loss.

    python examples/visualize_graph.py                 # writes SVG, PNG, PDF, DOT and HTML into runs/graphs
    python examples/visualize_graph.py --out pictures --formats svg html

SVG, PNG and PDF are drawn by Graphviz: its program `dot`, or the package pygraphviz (pip install 'tinygrad-cnn[viz]').
The HTML pages need nothing: open them in a browser and step through the backward pass.
"""

import argparse
from pathlib import Path

import tinygrad_cnn as tg
from tinygrad_cnn import nn, viz
from tinygrad_cnn.nn import functional as F


def expression():
    """A neuron with two inputs and no bias to speak of: every value and every gradient fits in its box."""
    a, b, c = (tg.tensor(value, requires_grad=True) for value in (0.5, -1.0, 1.0))
    return viz.draw_graph((a * b + c).tanh(), names={"a": a, "b": b, "c": c}, title="(a * b + c).tanh()")


def mlp():
    """Three linear layers, with what flows back along each edge."""
    model = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 2))
    points, labels = tg.randn(16, 2), tg.randint(0, 2, (16,))

    def loss(points, labels):
        return F.cross_entropy(model(points), labels)

    return viz.draw_graph(loss, inputs=(points, labels), gradients=True, direction="LR", collapse=2, title="MLP")


class ConvNet(nn.Module):
    """The convnet of mnist_cnn.py."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 8, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(8, 24, 5), nn.ReLU(), nn.MaxPool2d(2),
        )  # fmt: skip
        self.classifier = nn.Sequential(nn.Flatten(), nn.Linear(600, 120), nn.ReLU(), nn.Linear(120, 10))

    def forward(self, x):
        return self.classifier(self.features(x))


def convnet():
    """Every operation and parameter, within its module; `color_by="time"` would show where the time goes."""
    return viz.draw_graph(ConvNet(), inputs=tg.randn(64, 1, 28, 28), gradients="auto")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/graphs"), help="folder for the pictures")
    formats = ["svg", "png", "pdf", "dot", "html"]
    parser.add_argument("--formats", nargs="+", default=formats, choices=formats)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    tg.manual_seed(args.seed)
    args.out.mkdir(parents=True, exist_ok=True)
    for draw in (expression, mlp, convnet):
        graph = draw()
        for name in args.formats:
            path = graph.save(args.out / f"{draw.__name__}.{name}")
            print(f"{path}  {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
