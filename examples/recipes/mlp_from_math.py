"""An MLP from raw linear algebra: 784 pixels, 256 hidden units, 10 digits, and nothing hidden.

    python examples/recipes/mlp_from_math.py            # well under half a minute on two cores
    python examples/recipes/mlp_from_math.py --quick    # 4,000 digits: to see that it runs

`forward` and `gradients` are the whole net, with the mathematics beside each line; docs/mlp_from_math.md derives it.
`check` holds it against the framework, which finds gradients by itself. What was derived by hand then learns.
"""

import argparse
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from tqdm import tqdm

import tinygrad_cnn as tg

H, BATCH, RATE, MOMENTUM, DECAY = 256, 100, 0.2, 0.9, 2e-4  # chosen on validation digits


# fmt: off
def forward(x, w1, b1, w2, b2):
    y1 = x @ w1 + b1                                # (N, H)    y1 = x w1 + b1
    h = np.maximum(y1, 0)                           # (N, H)    h = relu(y1): y1 where it is positive, else 0
    y2 = h @ w2 + b2                                # (N, 10)   y2 = h w2 + b2
    e = np.exp(y2 - y2.max(axis=1, keepdims=True))  # (N, 10)   less the largest: the same p, and no overflow
    p = e / e.sum(axis=1, keepdims=True)            # (N, 10)   p_nk = exp(y2_nk) / sum_j exp(y2_nj)
    return y1, h, p


def gradients(x, t, w1, b1, w2, b2):
    y1, h, p = forward(x, w1, b1, w2, b2)           #           L = -1/N sum_nk t_nk log p_nk
    g2 = (p - t) / len(x)                           # (N, 10)   dL/dy2 = (p - t) / N
    gw2 = h.T @ g2                                  # (H, 10)   dL/dw2 = h^T g2
    gb2 = g2.sum(axis=0)                            # (10,)     dL/db2 = sum_n g2_n
    gh = g2 @ w2.T                                  # (N, H)    dL/dh  = g2 w2^T
    g1 = gh * (y1 > 0)                              # (N, H)    dL/dy1 = dL/dh where y1 > 0, else 0
    gw1 = x.T @ g1                                  # (784, H)  dL/dw1 = x^T g1
    gb1 = g1.sum(axis=0)                            # (H,)      dL/db1 = sum_n g1_n
    return gw1, gb1, gw2, gb2
# fmt: on


def check(x, t, parameters):
    """Print how far `gradients` are from those of the framework, relative to their size; end the run if it is far."""
    x, t, *parameters = (a.astype(np.float64) for a in (x, t, *parameters))
    w1, b1, w2, b2 = tensors = [tg.tensor(a, requires_grad=True) for a in parameters]
    tg.nn.functional.cross_entropy(tg.relu(tg.tensor(x) @ w1 + b1) @ w2 + b2, tg.tensor(t)).backward()
    pairs = zip(gradients(x, t, *parameters), [a.grad.numpy() for a in tensors], strict=True)
    errors = np.array([np.abs(g - true).max() / np.abs(true).max() for g, true in pairs])
    if not errors.max() < 1e-12:  # sums of some hundred products, each rounded to 16 digits
        raise SystemExit(f"gradients() is wrong: relative errors of gw1, gb1, gw2, gb2 are {errors}")
    print(f"gradients by hand and by the framework differ by {errors.max():.1e} of their size")


def measure(x, t, parameters):
    p = forward(x, *parameters)[-1]
    return -np.log(p[t == 1]).mean(), np.mean(p.argmax(axis=1) == t.argmax(axis=1))  # loss L, accuracy


def learn(x, t, known, held, parameters, epochs, rng):
    """Gradient descent with momentum, at a rate that falls evenly to 0. Changes the parameters, returns a history."""
    history, velocities = [], [np.zeros_like(a) for a in parameters]
    for epoch in range(epochs):
        order = rng.permutation(known)
        for i in tqdm(range(0, len(order), BATCH), f"epoch {epoch + 1}/{epochs}", leave=False, disable=None):
            n, rate = order[i : i + BATCH], RATE * (1 - (epoch + i / len(order)) / epochs)
            for a, g, v in zip(parameters, gradients(x[n], t[n], *parameters), velocities, strict=True):
                v[:] = MOMENTUM * v + g + DECAY * a
                a -= rate * v
        (loss, right), (val_loss, val_right) = (measure(x[n], t[n], parameters) for n in (order[: len(held)], held))
        history.append({"loss": loss, "accuracy": right, "val_loss": val_loss, "val_accuracy": val_right})
        print(f"epoch {epoch + 1}/{epochs}: loss {loss:.4f}, accuracy {right:.2%}, validation {val_right:.2%}")
    return history


def draw_doubts(x, t, p):
    """The twelve images whose two likeliest digits are closest, and all probabilities; that of the truth is orange."""
    figure, (second, best) = Figure((11, 6), layout="constrained"), np.sort(p, axis=1)[:, -2:].T
    for n, (left, right) in zip((best - second).argsort(), figure.subplots(3, 8).reshape(12, 2), strict=False):
        left.imshow(x[n].reshape(28, 28), cmap="gray")
        left.set_axis_off()
        right.bar(range(10), p[n], color=np.where(t[n] == 1, "#E69F00", "#0072B2"))
        right.set(ylim=(0, 1), xticks=range(10), title="{} or {}?".format(*p[n].argsort()[:-3:-1]))
    return figure


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", help="folder with the MNIST files")
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="learn from 4,000 digits, to see that it runs")
    parser.add_argument("--out", type=Path, default=Path("runs/mlp_from_math"), help="folder for net and pictures")
    args = parser.parse_args(arguments)
    rng = tg.manual_seed(args.seed).numpy
    *parts, source = tg.data.load_mnist(args.data_dir, allow_fallback=True)
    print(f"digits: {source}")
    (x, t), test = ((a.reshape(-1, 784), np.eye(10, dtype=np.float32)[y]) for a, y in (d.arrays() for d in parts))
    held, known = np.split(rng.permutation(len(x)), [len(x) // 12])
    w1, w2 = (rng.normal(0, np.sqrt(2 / fan), (fan, out)) for fan, out in ((784, H), (H, 10)))  # He et al., 2015
    parameters = w1, b1, w2, b2 = [a.astype(np.float32) for a in (w1, np.zeros(H), w2, np.zeros(10))]
    start = w1.copy()
    check(x[held[:100]], t[held[:100]], parameters)
    history = learn(x, t, known[:4000] if args.quick else known, held, parameters, args.epochs, rng)
    args.out.mkdir(parents=True, exist_ok=True)
    tg.save({"w1": w1, "b1": b1, "w2": w2, "b2": b2}, args.out / "mlp_from_math.safetensors")
    tg.viz.plot_learning_curves(history, metrics=["loss", "error"], log=True).savefig(args.out / "curves.png", dpi=120)
    looks = np.concatenate([w.T[np.abs(w2).sum(axis=1).argsort()[:-25:-1]] for w in (start, w1)]).reshape(-1, 1, 28, 28)
    tg.viz.plot_filters(looks, columns=12, title="24 units, untrained and trained").savefig(args.out / "weights.png")
    draw_doubts(*test, forward(test[0], *parameters)[-1]).savefig(args.out / "doubts.png", dpi=120)
    accuracy = float(measure(*test, parameters)[1])
    print(f"the net and its pictures: {args.out}\ntest accuracy: {accuracy:.2%}")
    return {"accuracy": accuracy, "history": history}


if __name__ == "__main__":
    main()
