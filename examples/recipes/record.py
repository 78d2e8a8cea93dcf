"""As far as one convnet goes on two cores: a record run, its small sister, and clothes instead of digits.

    python examples/recipes/record.py                  # 0.28 million parameters
    python examples/recipes/record.py --net small      # the same shape, under 20,000
    python examples/recipes/record.py --data fashion   # Fashion-MNIST: shirts, shoes and bags
    python examples/recipes/record.py --resume         # go on after the last whole epoch of a run that was stopped
    python examples/recipes/record.py --validate       # leave the test part alone: to choose settings by

Three things take a plain convnet further. Batch normalisation, so that a deeper net learns at once. A learning rate
that rises and then falls to nothing (Smith & Topin, 2018), so that the last epochs only polish. And digits that never
come twice: each is turned, stretched, slanted and moved a little before the net sees it (Simard et al., 2003). The net
is judged once, as it is after the last epoch.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

import tinygrad_cnn as tg
from tinygrad_cnn import nn

NETS = {"best": (32, 64, 128, 128, 0.3), "small": (12, 20, 32, 24, 0.0)}  # channels, and what dropout leaves out
EPOCHS = {"best": 20, "small": 30}
BATCH, MAX_LR, HELD_OUT = 128, 0.1, 10_000
VARY = {
    "mnist": tg.data.RandomAffine(10, translate=(0.08, 0.08), scale=(0.9, 1.1), shear=10),
    "fashion": tg.data.Compose(
        [tg.data.RandomHorizontalFlip(), tg.data.RandomAffine(5, translate=(0.05, 0.05), scale=(0.9, 1.1), shear=5)]
    ),
}


def layer(inputs, outputs, kernel=3, padding=1):
    """A convolution, its results brought to mean 0 and deviation 1 (Ioffe & Szegedy, 2015), and what is above 0."""
    convolution = nn.Conv2d(inputs, outputs, kernel, padding=padding, bias=False)
    return [convolution, nn.BatchNorm2d(outputs), nn.ReLU()]


def make_net(a, b, c, d, p):
    """Five convolutions of a, b, b, c and d channels; the mean of each of the last maps decides."""
    return nn.Sequential(
        *layer(1, a, kernel=5, padding=2), nn.MaxPool2d(2),  # (N, a, 14, 14)
        *layer(a, b), *layer(b, b), nn.MaxPool2d(2),  # (N, b, 7, 7)
        *layer(b, c, padding=0), *layer(c, d, padding=0),  # (N, d, 3, 3)
        nn.AvgPool2d(3), nn.Flatten(), nn.Dropout(p), nn.Linear(d, 10),  # (N, 10)
    )  # fmt: skip


def load(args):
    """Images to learn from and to be judged by, the names of the classes, and where all that comes from."""
    if args.data == "mnist":
        train, test, source = tg.data.load_mnist(args.data_dir, allow_fallback=True)
    else:
        train, test = (tg.data.FashionMNIST(args.data_dir, train=part) for part in (True, False))
        source = f"Fashion-MNIST, {len(train):,} + {len(test):,} pictures, from {train.source}"
    names = train.classes
    if args.quick:
        train, _ = tg.data.random_split(train, [3000, len(train) - 3000], stratify=True)
    if args.validate:
        train, test = tg.data.random_split(train, [len(train) - HELD_OUT, HELD_OUT], stratify=True)
        source += f"; {len(test):,} of those to learn from are kept apart and judged by, instead of the test part"
    return train, test, names, source


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--net", choices=NETS, default="best")
    parser.add_argument("--data", choices=VARY, default="mnist")
    parser.add_argument("--data-dir", help="folder with the four files of the data set")
    parser.add_argument("--epochs", type=int, help="default: 20, and 30 for the small net")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="3,000 images, 2 epochs: to see that it runs")
    parser.add_argument("--validate", action="store_true", help="judge by images kept apart from those to learn from")
    parser.add_argument("--resume", action="store_true", help="go on where a stopped run of the same options was saved")
    parser.add_argument("--out", type=Path, default=Path("runs/record"), help="folder for the net and the pictures")
    args = parser.parse_args(arguments)

    tg.manual_seed(args.seed)
    train, test, names, source = load(args)
    net = make_net(*NETS[args.net])
    print(f"{source}\na net of {sum(p.numel() for p in net.parameters()):,} parameters")

    epochs = args.epochs or (2 if args.quick else EPOCHS[args.net])
    loader = tg.data.DataLoader(train, BATCH, shuffle=True, drop_last=True, transform=VARY[args.data])
    optimizer = tg.optim.SGD(net.parameters(), lr=MAX_LR, momentum=0.9, nesterov=True, weight_decay=5e-4)
    schedule = tg.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=MAX_LR, epochs=epochs, steps_per_epoch=len(loader), pct_start=0.2
    )
    stem = args.out / f"{args.net}-{args.data}-{args.seed}"
    state = stem.with_suffix(".training.safetensors")
    callbacks = [tg.train.SchedulerCallback(schedule, per="batch"), tg.train.Checkpoint(state)]
    trainer = tg.train.Trainer(net, optimizer, callbacks=callbacks)
    if args.resume:
        trainer.load(state)
    trainer.fit(loader, epochs)
    if trainer.stop_reason:
        sys.exit("record.py: stopped before the end; --resume goes on after the last whole epoch")

    images, labels = test.get_batch(np.arange(len(test)))  # (N, 1, 28, 28) and (N,)
    outputs = trainer.predict(images, batch_size=500).numpy()  # (N, 10)
    accuracy = float(np.mean(outputs.argmax(1) == labels))
    tg.save(net.state_dict(), stem.with_suffix(".safetensors"))
    state.unlink()
    curves = tg.viz.plot_learning_curves(trainer.history, metrics=["loss", "error"], log=True)
    curves.savefig(stem.with_suffix(".curves.png"), dpi=150)
    mistakes = tg.viz.plot_mistakes(images, labels, outputs, count=24, display_labels=names)
    mistakes.savefig(stem.with_suffix(".mistakes.png"), dpi=150)
    print(f"the net, its learning curves and its worst mistakes: {stem}.*")
    print(f"{'validation' if args.validate else 'test'} accuracy: {accuracy:.2%}")
    return {"accuracy": accuracy}


if __name__ == "__main__":
    main()
