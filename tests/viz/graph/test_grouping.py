"""Operations stand in the module that they were called in: as it was watched, and as each node noted it."""

from __future__ import annotations

from typing import Any

import pytest
from viz.graph.nets import Deep, LeNet, images

import tinygrad_cnn as tg
from tinygrad_cnn import nn
from tinygrad_cnn.nn import functional as F
from tinygrad_cnn.viz import draw_graph
from tinygrad_cnn.viz.graph.structure import Picture


class Siamese(nn.Module):
    """One encoder called twice, one layer three times."""

    def __init__(self) -> None:
        self.encoder = nn.Sequential(nn.Linear(4, 3), nn.ReLU())
        self.loop = nn.Linear(3, 3)

    def forward(self, a: tg.Tensor, b: tg.Tensor) -> tg.Tensor:
        d = self.encoder(a).tanh() - self.encoder(b)
        for _ in range(3):
            d = self.loop(d).tanh()
        return d.sum()


class Tied(nn.Module):
    """One layer under two names, in two parts."""

    def __init__(self) -> None:
        self.one, self.two = nn.Sequential(nn.Linear(3, 3)), nn.Sequential(nn.ReLU(), nn.Identity())
        self.two[1] = self.one[0]

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        return self.two(self.one(x).tanh())


def frames(picture: Picture) -> list[tuple[str, tuple[tuple[str, str], ...]]]:
    """Each operation with the modules around it, from the outermost."""
    groups = {g.id: g for g in picture.groups}
    found = []
    for box in picture.boxes:
        if box.kind in ("operation", "output"):
            chain, at = [], box.group
            while at is not None:
                chain.append((groups[at].name, groups[at].type))
                at = groups[at].parent
            found.append((box.label, tuple(chain[::-1])))
    return found


CASES: list[tuple[Any, Any]] = [
    (LeNet, lambda: (images(),)),
    (Siamese, lambda: (tg.ones(2, 4), tg.ones(2, 4))),
    (lambda: Deep((1, 2)), lambda: (tg.randn(2, 3, 8, 8),)),
    (lambda: nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), lambda: (tg.randn(2, 3, 8, requires_grad=True),)),
]


@pytest.mark.parametrize(("make", "inputs"), CASES)
def test_what_the_nodes_noted_is_what_was_watched(make: Any, inputs: Any) -> None:
    model, given = make(), inputs()
    options = {"collapse": False, "plumbing": True}
    watched = draw_graph(model, inputs=given, **options).picture
    noted = draw_graph(model(*given), model=model, **options).picture
    assert frames(noted) == frames(watched)
    assert noted.notice is None


class Squared(tg.autograd.Function):
    """A backward of the user's own, right before a layer."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        return 2 * ctx.saved_tensors[0] * g


class Parted(tg.autograd.Function):
    """Two outputs."""

    @staticmethod
    def forward(_ctx: Any, x: Any) -> Any:
        return x * 1, x * 2

    @staticmethod
    def backward(_ctx: Any, a: Any, b: Any) -> Any:
        return a + 2 * b


def _segment(x: Any) -> Any:
    return x.exp().sin()


@pytest.mark.parametrize(
    ("function", "names"),
    [
        (Squared.apply, ["Squared"]),
        (lambda x: sum(Parted.apply(x)), ["Parted", "output 0 of Parted", "output 1 of Parted"]),
        (lambda x: tg.utils.checkpoint.checkpoint(_segment, x), ["_segment"]),
    ],
)
@pytest.mark.parametrize("watched", [True, False])
def test_what_no_operation_made_stands_where_it_was_called(function: Any, names: list[str], watched: bool) -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            self.one, self.two = nn.Linear(3, 4), nn.Linear(4, 2)

        def forward(self, x: Any) -> Any:
            return self.two(function(self.one(x)))

    net, x = Net(), tg.randn(2, 3)
    picture = draw_graph(net, inputs=x).picture if watched else draw_graph(net(x), model=net).picture
    found = dict(frames(picture))
    assert [found[name] for name in names] == [(("", "Net"),)] * len(names)
    made = {b.label: b for b in picture.boxes}
    assert all(made[name].shape == (2, 4) for name in names)
    if watched:
        assert all(made[name].source["code"] for name in names)
        assert made[names[-1]].value is not None
    assert found["linear"] in ((("", "Net"), ("one", "Linear")), (("", "Net"), ("two", "Linear")))


def test_each_call_of_a_module_has_its_frame() -> None:
    model = Siamese()
    picture = draw_graph(model(tg.ones(2, 4), tg.ones(2, 4)), model=model, collapse=False).picture
    assert [g.name for g in picture.groups].count("loop") == 3
    assert [g.name for g in picture.groups].count("encoder") == 2


def test_what_only_holds_modules_is_no_frame() -> None:
    class Heads(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.heads = nn.ModuleList([nn.Linear(4, 2), nn.Sequential(nn.Linear(4, 2), nn.ReLU())])

        def forward(self, x: Any) -> Any:
            return self.heads[0](x) + self.heads[1](x)

    model = Heads()
    noted = draw_graph(model(tg.ones(3, 4)), model=model, collapse=False).picture
    assert [g.name for g in noted.groups] == ["", "heads.0", "heads.1", "heads.1.0", "heads.1.1"]
    assert frames(noted) == frames(draw_graph(model, tg.ones(3, 4), collapse=False).picture)


def test_a_loss_with_a_batch_norm_has_its_operations_in_the_module() -> None:
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(8, 3))
    loss = F.cross_entropy(net(tg.randn(2, 1, 4, 4)), tg.tensor([0, 2]))
    found = dict(frames(draw_graph(loss, model=net, plumbing=True).picture))
    assert found["normalize"] == (("", "Sequential"), ("1", "BatchNorm2d"))
    assert found["cross_entropy"] == ()


def test_several_models_each_have_a_name() -> None:
    generator, critic = nn.Sequential(nn.Linear(2, 3), nn.Tanh()), nn.Sequential(nn.Linear(3, 1))
    loss = critic(generator(tg.randn(4, 2))).mean()
    by_name = draw_graph(loss, model={"G": generator, "D": critic})
    assert {g.name for g in by_name.picture.groups} == {"G", "G.0", "G.1", "D", "D.0"}
    assert {b.name for b in by_name.picture.boxes if b.kind == "parameter"} == {
        "G.0.weight", "G.0.bias", "D.0.weight", "D.0.bias",
    }  # fmt: skip
    in_list = draw_graph(loss, model=[generator, critic]).picture
    assert {g.name for g in in_list.groups if g.parent is None} == {"Sequential", "Sequential 2"}
    called = draw_graph(lambda x: critic(generator(x)), inputs=tg.randn(4, 2), model={"G": generator, "D": critic})
    assert {g.name for g in called.picture.groups} == {g.name for g in by_name.picture.groups}


def test_without_a_model_modules_stand_under_their_types() -> None:
    net = LeNet()
    picture = draw_graph(net(images()).sum()).picture
    assert {g.type for g in picture.groups} == {"Conv2d", "ReLU", "MaxPool2d", "Flatten", "Linear"}
    single = Siamese()
    picture = draw_graph(single(tg.ones(2, 4), tg.ones(2, 4))).picture
    assert "loop" in {g.name for g in picture.groups}, "of a model that computes something itself all names are known"
    assert {b.name for b in picture.boxes if b.kind == "parameter"} >= {"loop.weight", "encoder.0.weight"}


def test_a_module_that_is_gone_has_no_frame() -> None:
    net = LeNet()
    y = net(images()).sum()
    del net
    assert draw_graph(y).picture.groups == []


def test_a_layer_of_two_names_is_never_put_where_it_was_not_called() -> None:
    model = Tied()
    y = model(tg.ones(2, 3))
    noted = frames(draw_graph(y, model=model, collapse=False).picture)
    assert [chain for label, chain in noted if label == "linear"] == [(("", "Tied"), ("one.0", "Linear"))] * 2
    watched = frames(draw_graph(model, inputs=tg.ones(2, 3), collapse=False).picture)
    assert [[name for name, _ in chain] for label, chain in watched if label == "linear"] == [
        ["", "one", "one.0"],
        ["", "two", "one.0"],
    ]


def test_a_recorded_backward_pass_ran_in_no_module() -> None:
    net = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
    x = tg.ones(1, 2, requires_grad=True)
    (g,) = tg.autograd.grad(net(x).sum(), x, create_graph=True)
    for box in draw_graph(g.square().sum(), model=net).picture.boxes:
        assert not box.backward_of or box.group is None
