"""Learn digits from a sheet that you draw yourself: 250 images, 25 of each digit.

    python examples/recipes/handdrawn.py make-template sheet.png        # draw on it in any paint program, or print it
    python examples/recipes/handdrawn.py split sheet.png anna.csv       # cut it into digits, labelled by row
    python examples/recipes/handdrawn.py train --set anna.csv ben.csv   # several people's sheets make one set
    python examples/recipes/handdrawn.py                                # the set that comes along: see draw_sheet.py

A net learns so few images by heart, and nothing else. The cure: it never sees one twice. In each batch every digit is
bent a little, like rubber, and moved by up to 3 pixels each way: what is left to learn is what makes a 7 a 7. Does that
do for digits of the same set, kept aside? For strangers' digits, the test part of MNIST? And had they been 25 real ones
of each digit? The default run answers all three, in a few minutes.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from tqdm import tqdm

import tinygrad_cnn as tg
from tinygrad_cnn import nn

SHIPPED = Path(__file__).parent / "data" / "drawn_250.csv"  # drawn by a program, not by hand
VARY = tg.data.Compose([tg.data.ElasticTransform(alpha=34, sigma=4), tg.data.RandomShift(3)])


def make_net():
    """Two convolutions, each calmed by batch normalisation, and one linear layer behind a dropout of half its input."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 5, padding=2, bias=False), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2),  # (N, 16, 14, 14)
        nn.Conv2d(16, 32, 5, bias=False), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2),  # (N, 32, 5, 5)
        nn.Flatten(), nn.Dropout(0.5), nn.Linear(800, 10),  # (N, 10)
    )  # fmt: skip


def learn(digits, epochs, title, unseen=None):
    """A trainer whose net has learnt the digits; its history says how well it knew unseen ones after each epoch."""
    loader = tg.data.DataLoader(digits, batch_size=25, shuffle=True, transform=VARY)
    net = make_net()
    optimizer = tg.optim.Adam(net.parameters())
    schedule = tg.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.005, epochs=epochs, steps_per_epoch=len(loader))
    every_step = tg.train.SchedulerCallback(schedule, per="batch")
    trainer = tg.train.Trainer(net, optimizer, callbacks=[every_step], progress=False)
    for epoch in tqdm(range(1, epochs + 1), desc=title, unit="epoch", leave=False, disable=None):
        trainer.fit(loader, epoch, unseen)  # one epoch more
        if trainer.stop_reason:
            sys.exit(f"{title}: {trainer.stop_reason}")
    return trainer


def train(args):
    tg.manual_seed(args.seed)
    epochs, times = (12, 2) if args.quick else (args.epochs, 10)
    drawn = tg.data.load_drawn_csv(*args.set)
    mnist, test, source = tg.data.load_mnist(args.data_dir, allow_fallback=True)
    print(f"drawn: {len(drawn)} digits by {', '.join(sorted(set(drawn.authors)))}\nreal: {source}")

    scores, histories = [], []
    for i in range(times):
        known, unseen = tg.data.random_split(drawn, [0.8, 0.2], stratify=True)
        trainer = learn(known, epochs, f"split {i + 1} of {times}", unseen)
        scores.append(trainer.evaluate(unseen)["accuracy"])
        histories.append(trainer.history)
    print(f"{times} random splits, {len(known)} to learn, {len(unseen)} to test: mean {np.mean(scores):.2%}, "
          f"from {min(scores):.2%} to {max(scores):.2%}")  # fmt: skip

    first = np.concatenate([np.flatnonzero(mnist.targets == digit)[:25] for digit in range(10)])
    trainer = learn(drawn, epochs, "all drawn digits")
    strangers = trainer.evaluate(test)["accuracy"]
    real = learn(tg.data.Subset(mnist, first), epochs, "250 of MNIST").evaluate(test)["accuracy"]
    print(f"{len(test):,} test digits of MNIST: {strangers:.2%} after the {len(drawn)} drawn digits, "
          f"{real:.2%} after the first {len(first)} of MNIST")  # fmt: skip

    args.out.mkdir(parents=True, exist_ok=True)
    tg.save(trainer.model.state_dict(), args.out / "handdrawn.safetensors")
    tg.viz.plot_learning_curves(histories, metrics=["loss", "accuracy"]).savefig(args.out / "curves.png", dpi=150)
    print(f"the net and its learning curves: {args.out}")
    return {"splits": scores, "drawn": strangers, "MNIST": real}


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    template = commands.add_parser("make-template", help="write an empty sheet to draw on")
    template.add_argument("sheet", type=Path)
    split = commands.add_parser("split", help="cut a filled-in sheet into a CSV set")
    split.add_argument("sheet", type=Path)
    split.add_argument("csv", type=Path)
    split.add_argument("--author", help="name in the ids of the digits (default: the CSV file's name)")
    split.add_argument("--skip", action="store_true", help="leave out cells that are empty or cut off")
    for command in (template, split):
        command.add_argument("--columns", type=int, default=25, help="cells for each digit (default: 25)")
    training = commands.add_parser("train", help="learn, and measure (the default)")
    training.add_argument("--set", type=Path, nargs="+", default=[SHIPPED], help="CSV files to learn from")
    training.add_argument("--data-dir", help="folder with the MNIST files")
    training.add_argument("--epochs", type=int, default=200)
    training.add_argument("--seed", type=int, default=0)
    training.add_argument("--quick", action="store_true", help="2 splits of 12 epochs, to see that it runs")
    training.add_argument("--out", type=Path, default=Path("runs/handdrawn"), help="folder for the net and the curves")
    given = sys.argv[1:] if arguments is None else arguments
    args = parser.parse_args(given if given and given[0] in {*commands.choices, "-h", "--help"} else ["train", *given])
    try:
        if args.command == "make-template":
            return print(f"{args.sheet}: {tg.data.make_template(args.sheet, columns=args.columns).size} pixels")
        if args.command == "split":
            digits, labels = tg.data.split_sheet(args.sheet, columns=args.columns, skip=args.skip)
            ids = tg.data.save_drawn_csv(args.csv, digits, labels, author=args.author or args.csv.stem)
            return print(f"{args.csv}: {len(ids)} digits, {ids[0]} to {ids[-1]}")
        return train(args)
    except (ValueError, OSError) as error:
        sys.exit(f"handdrawn.py: {error}")


if __name__ == "__main__":
    main()
