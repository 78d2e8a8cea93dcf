"""What travels between processes: by pickle, through pools and queues, however they are started."""

from __future__ import annotations

import concurrent.futures
import copy
import multiprocessing
import pickle
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tinygrad_cnn import data, distributions, nn, optim, train
from tinygrad_cnn.vision import transforms

METHODS = multiprocessing.get_all_start_methods()


def net() -> Any:
    tg.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(32, 3))


def trained() -> tuple[Any, Any]:
    """A model and its optimizer, after a step."""
    model = net()
    optimizer = optim.Adam(model.parameters())
    model(tg.ones(2, 1, 6, 6)).sum().backward()
    optimizer.step()
    return model, optimizer


def things() -> dict[str, Any]:
    """One of each kind that programs send."""
    model, optimizer = trained()
    dataset = data.TensorDataset(np.zeros((6, 2), np.float32), np.arange(6))
    return {
        "a Tensor": tg.randn(3),
        "one that requires grad, and has one": model[0].weight.detach().requires_grad_(),
        "a view": tg.arange(12).reshape(3, 4)[1:, ::2],
        "a Parameter with its gradient": model[0].weight,
        "a module": model,
        "a lazy module": nn.LazyLinear(3),
        "a recurrent net": nn.LSTM(2, 3, num_layers=2, bidirectional=True),
        "attention": nn.TransformerEncoderLayer(8, 2),
        "a loss": nn.CrossEntropyLoss(),
        "a state_dict": model.state_dict(),
        "an optimizer": optimizer,
        "its state_dict": optimizer.state_dict(),
        "a scheduler": optim.lr_scheduler.OneCycleLR(optim.SGD(model.parameters(), lr=0.1), max_lr=1.0, total_steps=9),
        "a dataset": dataset,
        "a Subset": data.Subset(dataset, [1, 2]),
        "a loader": data.DataLoader(dataset, batch_size=2, shuffle=True, prefetch=2),
        "a Generator": tg.Generator(3),
        "an operation": tg.exp,
        "a dtype": tg.float64,
        "a device": tg.device("cpu"),
        "a Size": tg.Size((2, 3)),
        "transforms": transforms.Compose([transforms.RandomCrop(3, padding=1), transforms.ToTensor()]),
        "a distribution": distributions.Normal(0.0, 1.0),
        "a callback": train.EarlyStopping(),
        "a trainer": train.Trainer(model, optim.SGD(model.parameters(), lr=0.1)),
        "a history": train.History([{"epoch": 1, "loss": 2.0}]),
    }


def digest(thing: Any) -> Any:
    """What must be the same on the other side."""
    if isinstance(thing, nn.UninitializedParameter):
        return type(thing).__name__
    if isinstance(thing, tg.Tensor):
        grad = None if thing.grad is None else thing.grad.numpy().tobytes()
        return type(thing).__name__, thing.shape, thing.dtype, thing.numpy().tobytes(), thing.requires_grad, grad
    if isinstance(thing, nn.Module):
        return type(thing).__name__, thing.training, {name: digest(t) for name, t in thing.state_dict().items()}
    if isinstance(thing, (optim.Optimizer, optim.lr_scheduler.LRScheduler)):
        return type(thing).__name__, digest(thing.state_dict())
    if isinstance(thing, tg.Generator):
        return thing.get_state()
    if isinstance(thing, dict):
        return {key: digest(value) for key, value in thing.items()}
    if isinstance(thing, np.ndarray):
        return thing.tobytes()
    return repr(thing) if " at 0x" not in repr(thing) else type(thing).__name__


def described(thing: Any) -> Any:
    """For a process of its own: what came, and what went back again."""
    return digest(thing), thing


@pytest.mark.parametrize("kind", things())
def test_a_pickle_and_a_deep_copy_are_the_same_thing(kind: str) -> None:
    thing = things()[kind]
    for other in (pickle.loads(pickle.dumps(thing)), copy.deepcopy(thing)):
        assert digest(other) == digest(thing)


@pytest.mark.parametrize("method", METHODS)
def test_all_travel_to_another_process_and_back(method: str) -> None:
    every = things()
    with multiprocessing.get_context(method).Pool(1) as pool:
        for kind, thing in every.items():
            there, back = pool.apply_async(described, (thing,)).get(120)
            assert there == digest(thing) == digest(back), kind


def step(model: Any, seed: int) -> dict[str, Any]:
    """A step of training, for a process or thread of its own."""
    x = tg.Tensor(np.random.default_rng(seed).standard_normal((4, 1, 6, 6)).astype(np.float32))
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    model(x).square().mean().backward()
    optimizer.step()
    return digest(model)


@pytest.mark.parametrize("kind", ["threads", "spawn"])
def test_futures_train_copies_as_this_thread_would(kind: str) -> None:
    expected = [step(net(), seed) for seed in range(4)]
    pool: Any = (
        concurrent.futures.ThreadPoolExecutor(4)
        if kind == "threads"
        else concurrent.futures.ProcessPoolExecutor(1, mp_context=multiprocessing.get_context(kind))
    )
    with pool:
        assert [f.result(120) for f in [pool.submit(step, net(), seed) for seed in range(4)]] == expected


def send_back(inbox: Any, outbox: Any) -> None:
    """For a process of its own: twice what comes."""
    while (t := inbox.get()) is not None:
        outbox.put(t * 2.0)


def test_tensors_go_through_queues() -> None:
    spawn = multiprocessing.get_context("spawn")
    inbox, outbox = spawn.Queue(), spawn.Queue()
    process = spawn.Process(target=send_back, args=(inbox, outbox), daemon=True)
    process.start()
    for n in (0, 3, 100_000):
        inbox.put(tg.ones(n))
        assert outbox.get(timeout=120).tolist() == [2.0] * n
    inbox.put(None)
    process.join(60)
    assert process.exitcode == 0


def test_a_tensor_in_a_graph_says_why_it_cannot_travel() -> None:
    y = tg.ones(2, requires_grad=True) * 2.0
    with pytest.raises(RuntimeError, match="detach"):
        pickle.dumps(y)
