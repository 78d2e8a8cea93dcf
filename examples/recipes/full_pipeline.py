"""From raw pixels to a net one can trust: what can be checked is checked, and what can be tried is tried.

    python examples/recipes/full_pipeline.py            # a few minutes on two cores
    python examples/recipes/full_pipeline.py --quick    # few digits, to see that it runs

Normalise, and keep digits aside to choose by. Check the gradients: with a wrong one a net may learn all the same, only
worse. Compare initial values, then learning-rate schedules, in short trainings. Train with the best of them on all
digits. Only then look at the test part, once, and at what the net gets wrong.
"""

import argparse
from pathlib import Path
from time import perf_counter

from tqdm import tqdm

import tinygrad_cnn as tg
from tinygrad_cnn import nn

INITIAL = {  # what fills the weights, and what follows a convolution: nothing, or batch-norm (Ioffe, Szegedy, 2015)
    "zeros": (nn.init.zeros_, nn.Identity),
    "small": (lambda weight: nn.init.normal_(weight, std=0.001), nn.Identity),
    "Xavier": (nn.init.xavier_normal_, nn.Identity),  # (Glorot and Bengio, 2010)
    "He": (nn.init.kaiming_normal_, nn.Identity),  # (He et al., 2015)
    "small, batch-norm": (lambda weight: nn.init.normal_(weight, std=0.001), nn.BatchNorm2d),
    "He, batch-norm": (nn.init.kaiming_normal_, nn.BatchNorm2d),
}
SCHEDULES = {  # where the learning rate goes in n steps
    "constant": lambda optimizer, n: tg.optim.lr_scheduler.ConstantLR(optimizer, factor=1, total_iters=n),
    "step": lambda optimizer, n: tg.optim.lr_scheduler.MultiStepLR(optimizer, milestones=[n // 2, n * 5 // 6]),
    "cosine": tg.optim.lr_scheduler.CosineAnnealingLR,  # (Loshchilov and Hutter, 2017); below: (Smith and Topin, 2018)
    "one-cycle": lambda optimizer, n: tg.optim.lr_scheduler.OneCycleLR(optimizer, optimizer.defaults["lr"], n),
}


def make_net(initial):
    fill, norm = INITIAL[initial]
    net = nn.Sequential(
        nn.Conv2d(1, 16, 5, padding=2, bias=False), norm(16), nn.ReLU(), nn.MaxPool2d(2),  # (N, 16, 14, 14)
        nn.Conv2d(16, 32, 5, bias=False), norm(32), nn.ReLU(), nn.MaxPool2d(2),  # (N, 32, 5, 5)
        nn.Flatten(), nn.Linear(800, 128, bias=False), nn.ReLU(), nn.Linear(128, 10),  # (N, 10)
    )  # fmt: skip
    for weight in (p for p in net.parameters() if p.ndim > 1):
        fill(weight)
    return net


def check_gradients(images, labels):
    """An error unless the gradients by images and parameters are what differences say, in steps too small for kinks."""
    net = make_net("He, batch-norm").double()
    images = images.double() + 0.1 * tg.randn(*images.shape)  # a flat background is all ties for max-pooling
    tg.testing.gradcheck(
        lambda images, *_: nn.functional.cross_entropy(net(images), labels),
        [images.requires_grad_(), *net.parameters()],  # these it moves up and down, and looks what the loss does
        eps=1e-4,
    )


def learn(loader, epochs, initial, schedule, unseen=None):
    """A trainer whose net has learnt the loader's digits; its history says how well it knew unseen ones."""
    net = make_net(initial)
    optimizer = tg.optim.SGD(net.parameters(), lr=0.03, momentum=0.9, weight_decay=5e-4, nesterov=True)
    each_step = tg.train.SchedulerCallback(SCHEDULES[schedule](optimizer, epochs * len(loader)), per="batch")
    trainer = tg.train.Trainer(net, optimizer, callbacks=[each_step], progress=unseen is None)
    trainer.fit(loader, epochs, unseen)
    return trainer


def compare(title, nets, loader, epochs, unseen, out):
    """Train nets, {name: (initial, schedule)}, and draw how it went; the name of the best on unseen digits."""
    bar, start = tqdm(nets.items(), title, unit="net", leave=False, disable=None), perf_counter()
    runs = {name: learn(loader, epochs, *net, unseen).history for name, net in bar}
    curves = {name: {"loss on unseen digits": h["val_loss"]} for name, h in runs.items()}
    if len({schedule for _, schedule in nets.values()}) > 1:
        curves = {name: {"learning rate": runs[name]["lr"], **curves[name]} for name in runs}
    tg.viz.plot_learning_curves(curves, log=True).savefig(out / f"{title.replace(' ', '_')}.png", dpi=150)
    best = min(runs, key=lambda name: runs[name]["val_loss"][-1])
    print(f"{perf_counter() - start:6.1f} s  {title}: {best} is best, by a loss of {runs[best]['val_loss'][-1]:.3f}")
    return best


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", help="folder with the MNIST files")
    parser.add_argument("--epochs", type=int, default=10, help="of the last training")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="few digits and epochs, to see that it runs")
    parser.add_argument("--out", type=Path, default=Path("runs/full_pipeline"), help="folder for the net and pictures")
    args = parser.parse_args(arguments)
    args.out.mkdir(parents=True, exist_ok=True)
    tg.manual_seed(args.seed)
    digits, test, source = tg.data.load_mnist(args.data_dir, allow_fallback=True)
    digits = tg.data.Subset(digits, range(2500 if args.quick else len(digits)))
    known, unseen = tg.data.random_split(digits, [0.95, 0.05], stratify=True)
    images, labels = digits.get_batch(known.indices)  # (N, 1, 28, 28) and (N,)
    normal = tg.data.Normalize(images.mean(), images.std())
    moved = tg.data.Compose([tg.data.RandomShift(1), normal])  # by up to a pixel each way, anew in each epoch
    check_gradients(tg.tensor(normal(images[:2])), tg.tensor(labels[:2]))
    print(f"digits: {source}\npixels: {normal.mean:.4f} ± {normal.std:.4f}, made 0 ± 1\ngradients: right")

    few, short, epochs = (600, 2, 2) if args.quick else (min(6000, len(known)), 3, args.epochs)
    few = tg.data.DataLoader(tg.data.Subset(known, range(few)), 64, shuffle=True, transform=moved)
    held = tg.data.DataLoader(unseen, 500, transform=normal)
    initial = compare("initial values", {name: (name, "cosine") for name in INITIAL}, few, short, held, args.out)
    schedule = compare("schedules", {name: (initial, name) for name in SCHEDULES}, few, 2 * short, held, args.out)
    trainer = learn(tg.data.DataLoader(digits, 64, shuffle=True, transform=moved), epochs, initial, schedule)
    tg.save({"net": trainer.model.state_dict(), "mean": normal.mean, "std": normal.std}, args.out / "net.safetensors")
    outputs = trainer.predict(tg.data.DataLoader(test, 500, transform=normal)).numpy()  # (N, 10)
    tg.viz.plot_learning_curves(trainer.history, metrics=["loss", "error"]).savefig(args.out / "training.png", dpi=150)
    tg.viz.plot_confusion_matrix(test.targets, outputs).savefig(args.out / "confusion_matrix.png", dpi=150)
    tg.viz.plot_mistakes(test.data, test.targets, outputs, count=24).savefig(args.out / "mistakes.png", dpi=150)
    accuracy = float((outputs.argmax(1) == test.targets).mean())
    print(f"{sum(trainer.history['seconds']):6.1f} s  training; see {args.out}\ntest accuracy: {accuracy:.2%}")
    return {"accuracy": accuracy, "initial": initial, "schedule": schedule}


if __name__ == "__main__":
    main()
