# %% [markdown]
"""# Layers of your own

A layer computes something, and says how its result moves when its inputs move. Here every layer of a convolutional net
is written by hand that way, forward and backward, in NumPy: `tg.op` makes operations of them, `gradcheck` proves them.
A net of these layers learns MNIST. Its run is saved and taken up again; its mistakes and its graph are drawn.

    python examples/recipes/layers_notebook.py              # about a minute
    python examples/recipes/layers_notebook.py --quick      # a few seconds, on a few digits

`layers_notebook.ipynb` is the same code with what it prints and draws: `make_notebook.py` makes it from the script.
"""

# %%
import argparse
from pathlib import Path

import numpy as np

import tinygrad_cnn as tg
from tinygrad_cnn import nn

normal = np.random.default_rng(0).normal  # numbers to try the gradients on


# %% [markdown]
# ## An activation
# Swish is `y = x s(x)` with the sigmoid `s`. As `s' = s (1 - s)`, its slope is `y' = s + x s (1 - s) = s + y (1 - s)`.
# This rule stands above the function, in `tg.op`: from `g`, the slope of the loss along y, it makes that along x. And
# `gradcheck` compares it with differences, `(f(x + h) - f(x - h)) / 2h`, and raises an error where they disagree.
# %%
def sigmoid(x):
    return 0.5 + 0.5 * np.tanh(0.5 * x)  # the same as 1 / (1 + exp(-x)), and never overflows


@tg.op(lambda g, y, x: g * (sigmoid(x) + y * (1 - sigmoid(x))))
def swish(x):
    return x * sigmoid(x)


tg.testing.gradcheck(swish, normal(size=(3, 5)))


# %% [markdown]
# ## A linear layer
# `y = x w + b` has three inputs, and so three rules, in their order. The one for b gives g as it is: what NumPy has
# broadcast, the engine sums up. An underscore before a name says that the rule does not read it: its array is not kept.
# %%
@tg.op(lambda g, _y, _x, w, _b: g @ w.T, lambda g, _y, x, _w, _b: x.T @ g, lambda g, *_: g)
def affine(x, w, b):
    return x @ w + b  # (N, in) @ (in, out) + (out,)


tg.testing.gradcheck(affine, (normal(size=(4, 3)), normal(size=(3, 2)), normal(size=2)))


# %% [markdown]
# ## A convolution
# Each output pixel is the sum of kernel times window. So a weight meets one pixel of every window, and its slope is the
# sum of these times g; and a pixel gets back, from every window that it is in, the weight it met there times g.
# %%
def windows(x, size):
    # (N, C, oh, ow, size, size), without a copy
    return np.lib.stride_tricks.sliding_window_view(x, (size, size), (2, 3))


def spread(g, _y, x, w):
    dx, (oh, ow) = np.zeros(x.shape, g.dtype), g.shape[2:]
    for i, j in np.ndindex(w.shape[2:]):
        dx[:, :, i : i + oh, j : j + ow] += np.tensordot(g, w[:, :, i, j], (1, 0)).transpose(0, 3, 1, 2)
    return dx


@tg.op(spread, lambda g, _y, x, w: np.tensordot(g, windows(x, w.shape[2]), ((0, 2, 3), (0, 2, 3))))
def convolve(x, w):
    # (N, C, oh, ow, k, k) times (O, C, k, k), summed over C and k: (N, oh, ow, O)
    return np.tensordot(windows(x, w.shape[2]), w, ((1, 4, 5), (1, 2, 3))).transpose(0, 3, 1, 2)


tg.testing.gradcheck(convolve, (normal(size=(2, 3, 6, 5)), normal(size=(4, 3, 3, 3))))


# %% [markdown]
# ## A pool
# The largest pixel of each 2x2 square. It alone moves the result, so it alone gets the slope; equal ones share it.
# %%
def quarters(x):
    return [x[:, :, i::2, j::2] for i in (0, 1) for j in (0, 1)]  # 4 views of (N, C, H / 2, W / 2)


def unpool(g, y, x):
    dx, largest = np.empty_like(x), [quarter == y for quarter in quarters(x)]
    g = g / np.sum(largest, 0, dtype=g.dtype)
    for quarter, here in zip(quarters(dx), largest, strict=True):
        quarter[...] = here * g
    return dx


@tg.op(unpool)
def pool(x):
    return np.maximum.reduce(quarters(x))


tg.testing.gradcheck(pool, normal(size=(2, 3, 4, 6)))


# %% [markdown]
# ## The loss
# Cross-entropy: minus the logarithm of the probability that softmax gives to the true class t, the mean over the batch.
# Its slope: the probabilities, minus 1 at the true class, over N. The classes cannot move a little: no rule for them.
# %%
def softmax(x):
    p = np.exp(x - x.max(1, keepdims=True))
    return p / p.sum(1, keepdims=True)


@tg.op(lambda g, _y, x, t: g * (softmax(x) - (t[:, None] == np.arange(x.shape[1]))) / len(x))
def cross_entropy(x, t):
    z = x - x.max(1, keepdims=True)  # the same softmax, and no logarithm of 0
    return (np.log(np.exp(z).sum(1)) - z[np.arange(len(t)), t]).mean()


tg.testing.gradcheck(cross_entropy, (normal(size=(4, 10)), np.array([3, 1, 4, 1])))


# %% [markdown]
# ## Layers, and a net of them
# A layer owns its weights: as attributes of an `nn.Module` they are found, trained and saved. They start at random, so
# small that what a layer gives is about as large as what it gets.
# %%
class Affine(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.weight = nn.Parameter(tg.randn(inputs, outputs) / inputs**0.5)
        self.bias = nn.Parameter(tg.zeros(outputs))

    def forward(self, x):
        return affine(x, self.weight, self.bias)


class Convolution(nn.Module):
    def __init__(self, inputs, outputs, size):
        super().__init__()
        self.weight = nn.Parameter(tg.randn(outputs, inputs, size, size) / (size * inputs**0.5))
        self.bias = nn.Parameter(tg.zeros(outputs, 1, 1))

    def forward(self, x):
        return convolve(x, self.weight) + self.bias


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.strokes, self.joins, self.digit = Convolution(1, 8, 5), Convolution(8, 16, 5), Affine(256, 10)

    def forward(self, x):
        x = swish(pool(self.strokes(x)))  # (N, 8, 12, 12)
        x = swish(pool(self.joins(x)))  # (N, 16, 4, 4)
        return self.digit(x.flatten(1))  # (N, 10)


# %% [markdown]
# ## What a run is made of
# The learning rate rises and falls once. After each epoch the whole state of the run goes into a file: weights,
# momentum, learning rate, history, and where the random numbers stand.
# %%
SAVED = "after-epoch-{epoch}.safetensors"


def make_trainer(epochs, batches, folder):
    net = Net()
    optimizer = tg.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4, nesterov=True)
    schedule = tg.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.1, epochs=epochs, steps_per_epoch=batches)
    callbacks = [tg.train.SchedulerCallback(schedule, per="batch"), tg.train.Checkpoint(folder / SAVED)]
    return tg.train.Trainer(net, optimizer, cross_entropy, "accuracy", callbacks)


def keep(picture, path):
    """Save a picture. A notebook shows what comes back."""
    picture.save(path) if isinstance(picture, tg.viz.Graph) else picture.savefig(path, dpi=150)
    return picture


# %% [markdown]
# ## Now it runs
# The options are those of the script.
# %% script
def main(arguments=None):
    # %%
    parser = argparse.ArgumentParser(description="Train a convnet of layers written by hand.")
    parser.add_argument("--data-dir", help="folder with the MNIST files")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="2 epochs on 3,000 digits, to see that it runs")
    parser.add_argument("--out", type=Path, default=Path("runs/layers_notebook"), help="folder for all that is saved")
    args = parser.parse_args(arguments)
    epochs = 2 if args.quick else args.epochs
    # %% [markdown]
    # ## Data
    # A twentieth of the digits to learn from is kept aside, to see during training how unknown ones go. The digits to
    # test with are looked at once, at the end.
    # %%
    tg.manual_seed(args.seed)
    digits, test, source = tg.data.load_mnist(args.data_dir, allow_fallback=True)
    print(f"digits: {source}")
    if args.quick:
        digits, _ = tg.data.random_split(digits, [3200, len(digits) - 3200], stratify=True)
    train, validation = tg.data.random_split(digits, [0.95, 0.05], stratify=True)
    loader = tg.data.DataLoader(train, 64, shuffle=True, transform=tg.data.RandomShift(1), prefetch=2)

    # %% [markdown]
    # ## Training
    # A bar moves while an epoch runs, and each leaves a line: loss and accuracy on the digits it learns from, then on
    # those kept aside.
    # %%
    trainer = make_trainer(epochs, len(loader), args.out)
    history = trainer.fit(loader, epochs, validation)

    # %%
    keep(tg.viz.plot_learning_curves(history, metrics=["loss", "accuracy"]), args.out / "curves.png")

    # %% [markdown]
    # ## Stopped, and taken up again
    # Say the power went during the last epoch. A new trainer, made in the same way, loads the file from before it and
    # goes on. It should end where the run above ended.
    # %%
    print("once more, from the file before the last epoch")
    resumed = make_trainer(epochs, len(loader), args.out)
    resumed.load(args.out / SAVED.format(epoch=max(1, epochs - 1))).fit(loader, epochs, validation)
    before, after = (nn.utils.parameters_to_vector(t.model.parameters()).numpy() for t in (trainer, resumed))
    difference = float(np.abs(after - before).max())
    print(f"largest difference of a weight between the two: {difference:g}")

    # %% [markdown]
    # ## Mistakes
    # The weights alone make a file of their own, and a net from that file is what is tested. Its worst mistakes say
    # what it has not understood, or what nobody could.
    # %%
    tg.save(resumed.model.state_dict(), args.out / "net.safetensors")
    tested = make_trainer(epochs, len(loader), args.out)
    tested.model.load_state_dict(tg.load(args.out / "net.safetensors"))
    logits, (images, labels) = tested.predict(test), test.arrays()
    keep(tg.viz.plot_mistakes(images, labels, logits), args.out / "mistakes.png")

    # %% [markdown]
    # ## What was computed
    # The operations from four digits to their loss. `graph.html` shows the same on a page where one steps through the
    # slopes, back from the loss.
    # %%
    net, few = tested.model, (images[:4], labels[:4])
    graph = tg.viz.draw_graph(lambda x, t: cross_entropy(net(x), t), inputs=few, model=net, title="Four digits")
    keep(graph, args.out / "graph.html")

    # %% [markdown]
    # ## What came of it
    # %%
    accuracy = float(np.mean(logits.argmax(1).numpy() == labels))
    print(f"nets, curves, mistakes and graph: {args.out}")
    print(f"test accuracy: {accuracy:.2%}")

    # %% script
    return {"accuracy": accuracy, "difference": difference}


if __name__ == "__main__":
    main()
