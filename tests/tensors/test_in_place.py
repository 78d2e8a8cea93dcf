"""PyTorch's in-place methods beside ours: every ``name_`` whose ``name`` we have, in each situation it can meet.

A method is called on a plain tensor, a view, a transposed tensor, integers, booleans, a leaf that requires grad, with
arguments that do not fit; and its gradient is taken. Random ones are compared by their moments.
"""

# ruff: noqa: E501  (one line a case)

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tests.tensors.beside import alike, attempt, verdict

pytestmark = pytest.mark.filterwarnings("ignore")  # PyTorch warns of what it deprecates


def words(text: str) -> list[str]:
    return text.split()


NONE = ("",)
OTHER = ("t", "0.4", "t[0]")
INT_OTHER = ("t", "2")
REDUCTIONS = words("sum prod mean amax amin")
CALLS: dict[str, tuple[str, ...]] = {  # the arguments to call it with; t is a tensor like x, u another
    **dict.fromkeys(
        words("""abs absolute acos arccos asin arcsin atan arctan asinh arcsinh atanh arctanh ceil cos cosh deg2rad erf erfc erfinv
        exp exp2 expm1 fix floor frac log log10 log1p log2 neg negative rad2deg reciprocal relu rsqrt sigmoid sign sin sinc
        sinh sqrt square tan tanh trunc zero bitwise_not logical_not lgamma digamma i0 sgn
        conj_physical"""),
        NONE,
    ),
    **dict.fromkeys(
        words("""mul multiply true_divide eq ne not_equal lt less le less_equal gt greater ge greater_equal logical_and logical_or
        logical_xor remainder fmod floor_divide copysign"""),
        OTHER,
    ),
    **dict.fromkeys(
        words("bitwise_and bitwise_or bitwise_xor bitwise_left_shift bitwise_right_shift gcd lcm"), INT_OTHER
    ),
    **dict.fromkeys(words("atan2 arctan2 hypot heaviside"), ("t", "t[0]")),
    **dict.fromkeys(words("add sub subtract"), (*OTHER, "t, alpha=2", "1, alpha=3")),
    **dict.fromkeys(words("div divide"), (*OTHER, "t, rounding_mode='floor'", "0.2, rounding_mode='trunc'")),
    **dict.fromkeys(words("clamp clip"), ("0.3, 0.6", "min=0.3", "max=0.6", "t, t + 0.1", "min=t", "")),
    "clamp_min": ("0.4", "t"),
    "clamp_max": ("0.4", "t"),
    "acosh": NONE,
    "arccosh": NONE,
    "xlogy": ("t", "0.4"),
    "pow": ("2", "0.5", "t", "-1"),
    "polygamma": ("1", "2"),
    "mvlgamma": ("1",),
    "ldexp": ("t", "L.tensor(2)"),
    "nextafter": ("u",),
    "renorm": ("2, 0, 0.5", "1, -1, 0.5"),
    "addr": ("t[:, 0], u[0]", "t[:, 0], u[0], beta=0.5, alpha=2"),
    "float_power": ("2", "t"),
    "logit": ("", "0.3"),
    "lerp": ("t, 0.3", "t, u"),
    "addcmul": ("t, u", "t, u, value=0.5"),
    "addcdiv": ("t, u", "t, u, value=0.5"),
    "nan_to_num": ("", "1.0, 2.0, 3.0"),
    "round": ("", "decimals=1"),
    "fill": ("0.4", "2", "L.tensor(0.3)"),
    "copy": ("t", "t[0]", "t.double()", "t.long()", "L.tensor(3)"),
    "masked_fill": ("m, 0.4", "m, L.tensor(0.3)", "m[0], 1"),
    "masked_scatter": ("m, t",),
    "index_add": ("0, i, t", "0, i, t, alpha=2", "1, L.tensor([2, 0]), t[:, :2]"),
    "index_copy": ("0, i, t", "1, L.tensor([2, 0]), t[:, :2]"),
    "index_fill": ("0, L.tensor([1]), 0.4", "1, L.tensor([2, 0]), 2", "-1, L.tensor([0]), L.tensor(0.3)"),
    "scatter": ("1, j, t", "1, j, 0.4", "1, j, value=0.4", "0, L.tensor([[1, 0, 1]]), t"),
    "scatter_add": ("1, j, t", "0, L.tensor([[1, 1, 1]]), t"),
    "scatter_reduce": tuple(f"1, j, t, '{r}', include_self={s}" for r in REDUCTIONS for s in (True, False)),
    "index_reduce": tuple(f"1, L.tensor([2, 0]), t[:, :2], '{r}'" for r in REDUCTIONS[1:]),
    "index_put": ("(i, i), t[0, :2]", "(m,), t[m]", "(i,), t, accumulate=True", "(L.tensor([0, 0]),), t, True"),
    "put": ("L.tensor([1, -1]), t[0, :2]", "i, t[0, :2], accumulate=True"),
    "apply": ("lambda v: v * 2",),
    "map": ("t, lambda a, b: a + 2 * b",),
    "cumsum": ("0", "1", "dim=-1"),
    "cumprod": ("0", "1"),
    "tril": ("", "1"),
    "triu": ("", "-1"),
    "fill_diagonal": ("0.4",),
    "addmm": ("L.ones(2, 2), L.ones(2, 3)", "t[:, :2], u, beta=0.5, alpha=2"),
    "addmv": ("L.ones(2, 3), t[0]", "t, u[1], beta=0.5, alpha=2"),
    "addbmm": ("L.ones(4, 2, 2), L.ones(4, 2, 3)",),
    "baddbmm": ("L.ones(2, 2, 2), L.ones(2, 2, 3)", "L.ones(2, 2, 2), t.expand(2, 2, 3), beta=0.5, alpha=2"),
    "squeeze": ("", "0", "1"),
    "unsqueeze": ("0", "1", "-1", "7"),
    "t": NONE,
    "transpose": ("0, 1", "-1, 0", "0, 5"),
    "swapaxes": ("0, 1",),
    "swapdims": ("1, 0",),
    "detach": NONE,
    "requires_grad": ("", "False"),
}
RANDOM = {"normal", "uniform", "bernoulli", "log_normal", "exponential", "random"}  # compared by their moments, below
SHAPES_AND_FLAGS = {
    "resize",
    "resize_as",
    "squeeze",
    "unsqueeze",
    "t",
    "transpose",
    "swapaxes",
    "swapdims",
    "detach",
    "requires_grad",
}
WITHOUT: dict[str, str] = {}  # in-place methods we leave out though we have the function, with the reason

VALUES = "L.tensor([[0.15, 0.62, 0.33], [0.84, 0.27, 0.51]])"
START = {
    "addmv": "L.tensor([0.2, 0.7])",
    "baddbmm": f"L.stack([{VALUES}, {VALUES}])",
    "acosh": f"({VALUES} + 1)",
    "arccosh": f"({VALUES} + 1)",
}
OTHERS = (
    "t = L.tensor([[0.71, 0.22, 0.58], [0.36, 0.93, 0.45]]); u = L.tensor([[0.25, 0.41, 0.81], [0.67, 0.12, 0.38]]); "
    "m = L.tensor([[True, False, True], [False, True, True]]); i = L.tensor([1, 0]); j = L.tensor([[2, 0, 1], [1, 2, 0]])"
)
INTEGERS = OTHERS.replace("L.tensor([[0.71", "L.tensor([[2, 1, 3], [1, 2, 2]]); L.tensor([[0.71")
BOOLEANS = OTHERS.replace("L.tensor([[0.71", "L.tensor([[True, True, False], [False, True, False]]); L.tensor([[0.71")


def start(name: str) -> str:
    return START.get(name, VALUES)


SITUATIONS: dict[str, Callable[[str, str], str]] = {  # a case from the name and the call
    "a tensor": lambda name, call: f"{OTHERS}; x = {start(name)}; r = x.{call}; same = r is x",
    "float64": lambda name, call: f"{OTHERS}; x = {start(name)}.double(); t = t.double(); u = u.double(); x.{call}",
    "a view": lambda name, call: f"{OTHERS}; b = L.stack([{start(name)}, {start(name)}]); x = b[1]; r = x.{call}; same = r is x",
    "a view on the spot": lambda name, call: f"{OTHERS}; b = L.stack([{start(name)}, {start(name)}]); b[1].{call}",
    "transposed": lambda name, call: (
        f"{OTHERS}; b = {start(name)}.{'clone()' if name == 'addmv' else 'mT.contiguous()'}; "
        f"x = b{'' if name == 'addmv' else '.mT'}; r = x.{call}; same = r is x"
    ),
    "a column": lambda name, call: f"{OTHERS}; b = L.stack([{start(name)}, {start(name)}], -1); x = b[..., 0]; x.{call}",
    "integers": lambda _name, call: f"{INTEGERS}; x = L.tensor([[1, 4, 3], [2, 5, 2]]); r = x.{call}",
    "integers, and floats beside": lambda _name, call: f"{OTHERS}; x = L.tensor([[1, 4, 3], [2, 5, 2]]); r = x.{call}",
    "booleans": lambda _name, call: f"{BOOLEANS}; x = L.tensor([[True, False, False], [True, True, False]]); r = x.{call}",
    "a leaf refuses": lambda name, call: f"{OTHERS}; x = {start(name)}.detach().requires_grad_(); x.{call}",
    "a view of a leaf refuses": lambda name, call: f"{OTHERS}; b = L.stack([{start(name)}, {start(name)}]).requires_grad_(); x = b[1]; x.{call}",
    "a leaf under no_grad": lambda name, call: (
        f"{OTHERS}; x = {start(name)}.detach().requires_grad_(); with L.no_grad(): x.{call}"
    ),
    "a wrong shape": lambda name, call: f"{OTHERS}; t = L.ones(4, 5); u = L.ones(4, 5); x = {start(name)}; x.{call}",
    "a shape that would grow": lambda _name, call: f"{OTHERS}; x = L.tensor([0.2, 0.6, 0.4]); x.{call}",
    "no dimensions": lambda _name, call: f"{OTHERS}; t = L.tensor(0.3); u = L.tensor(0.6); x = L.tensor(0.4); x.{call}",
    "empty": lambda _name, call: f"{OTHERS}; t = L.zeros(0, 3); u = L.zeros(0, 3); m = L.zeros(0, 3) > 0; x = L.zeros(0, 3); x.{call}",
    "its gradient": lambda name, call: (
        f"{OTHERS}; t.requires_grad_(); u.requires_grad_(); a = {start(name)}.detach().requires_grad_(); x = a * 1; r = x.{call}; "
        "c = L.arange(0.0, float(x.numel())).reshape(x.shape) + 1; (x * c).sum().backward()"
    ),
    "its gradient through a view": lambda name, call: (
        f"{OTHERS}; t.requires_grad_(); a = L.stack([{start(name)}, {start(name)}]).requires_grad_(); y = a * 1; x = y[1]; x.{call}; "
        "c = L.arange(0.0, float(y.numel())).reshape(y.shape) + 1; (y * c).sum().backward()"
    ),
    "into a buffer": lambda name, call: (
        f"{OTHERS}; t.requires_grad_(); x = {start(name)}; b = x.view(-1); x.{call}; z = x.sum(); r = (z.requires_grad, b.requires_grad)"
    ),
    "into a buffer, by a view": lambda name, call: (
        f"{OTHERS}; t.requires_grad_(); b = L.stack([{start(name)}, {start(name)}]); x = b[1]; x.{call}; r = (b.requires_grad, b.is_leaf)"
    ),
    "a needed value is overwritten": lambda name, call: f"{OTHERS}; a = {start(name)}.detach().requires_grad_(); x = a.exp(); z = x * x; x.{call}; z.sum().backward()",
    "a value nobody needs is overwritten": lambda name, call: (
        f"{OTHERS}; a = {start(name)}.detach().requires_grad_(); x = a * 1; z = x + 1; x.{call}; z.sum().backward()"
    ),
}  # fmt: skip

INTEGER = ("integers", "integers, and floats beside")
COMPARING = words("eq ne not_equal lt less le less_equal gt greater ge greater_equal")
A_NUMBER = "a fraction is no number of an integer dtype, which PyTorch cuts off"
NO_SLOPE = "a method without a slope leaves a buffer without a gradient; PyTorch lets it require one that is always 0"
DIFFERENT: dict[tuple[str, str], str] = {  # (name, situation): why we differ on purpose; each must still differ
    **{(n, s): A_NUMBER for n in ("fill", "fill_diagonal", "masked_fill", "index_fill", "scatter") for s in INTEGER},
    **{(n, s): NO_SLOPE for n in (*COMPARING, "heaviside") for s in ("into a buffer", "into a buffer, by a view")},
    ("requires_grad", "into a buffer"): "a view made before its base required grad does not require it",
    ("addbmm", "no dimensions"): "PyTorch lets the tensor grow",
    ("detach", "a needed value is overwritten"): "detach_ changes no value",
}
DIFFERENT_NAMES: dict[str, str] = {  # name: why we differ in many situations
    "float_power": "the result is rounded to the dtype of the tensor; PyTorch refuses to",
    **dict.fromkeys(
        ("logical_and", "logical_or", "logical_xor", "logical_not"),
        "numbers are taken too, leaves refuse, and the gradient is 0: PyTorch records nothing and hands the old one on",
    ),
}
NOT_IN_PYTORCH = (
    "NotImplementedError",
    "is not implemented",
    "returned an invalid gradient",
)  # what PyTorch says where it has no answer


def family(torch: Any) -> list[str]:
    """PyTorch's in-place methods of which we have the function."""
    names = [n[:-1] for n in dir(torch.Tensor) if n.endswith("_") and not n.endswith("__") and not n.startswith("_")]
    return [name for name in names if hasattr(tg.Tensor, name) or hasattr(tg, name)]


def test_the_family_is_complete(torch: Any) -> None:
    """A function that comes to us later brings its in-place twin, or a reason."""
    assert not set(family(torch)) - CALLS.keys() - RANDOM - WITHOUT.keys()
    assert not [name for name in WITHOUT if hasattr(tg.Tensor, name + "_")], "no longer left out"


def test_the_family_is_there() -> None:
    missing = sorted(name for name in (*CALLS, *RANDOM) if name not in WITHOUT and not hasattr(tg.Tensor, name + "_"))
    assert not missing, f"{len(missing)} in-place methods are missing: {', '.join(missing)}"


def test_no_in_place_method_is_untested() -> None:
    """What we have beyond the twins, zero_ and copy_ for two, is in the table as well."""
    ours = {n[:-1] for n in dir(tg.Tensor) if n.endswith("_") and not n.endswith("__") and not n.startswith("_")}
    assert not ours - CALLS.keys() - RANDOM - {"resize", "resize_as"}  # in test_names


@pytest.mark.parametrize("situation", SITUATIONS)
@pytest.mark.parametrize("name", CALLS)
def test_like_torch(name: str, situation: str, torch: Any) -> None:
    if name in WITHOUT:
        pytest.skip(WITHOUT[name])
    found = {}
    for arguments in CALLS[name]:
        if situation in ("a wrong shape", "a shape that would grow") and "t" not in arguments:
            continue
        source = SITUATIONS[situation](name, f"{name}_({arguments})")
        text = verdict(source, tg, torch, absent_is_zero=True)
        if text and not any(words in text for words in NOT_IN_PYTORCH):
            found[arguments] = text
    if found and name in DIFFERENT_NAMES:
        pytest.skip(f"differs on purpose: {DIFFERENT_NAMES[name]}")
    if reason := DIFFERENT.get((name, situation)):
        assert found, f"no difference any more ({reason}); take it off the list"
        pytest.skip(f"differs on purpose: {reason}")
    assert not found, "\n".join(f"x.{name}_({arguments}): {text}" for arguments, text in found.items())


@pytest.mark.parametrize("name", sorted(CALLS.keys() - SHAPES_AND_FLAGS - WITHOUT.keys()))
def test_expanded_memory_is_read_only(name: str) -> None:
    """PyTorch lets some methods fill it, each number several times; here it is read-only to all."""
    for arguments in CALLS[name]:
        row = "L.tensor([0.2, 0.7])" if name == "addmv" else "L.tensor([0.2, 0.6, 0.4])"
        sizes = {"addmv": "2, 2", "baddbmm": "2, 2, 3"}.get(name, "2, 3")
        place = "x[0]" if name == "addmv" else "x"
        lines = f"{OTHERS}; b = {row}; x = b.expand({sizes}); {place}.{name}_({arguments})".split("; ")
        found = attempt(lines, tg)
        assert found.refused == len(lines) - 1, f"x.{name}_({arguments}) ran"
        assert found.error.startswith("RuntimeError"), found.error
        assert alike(found.names, attempt(lines[:-1], tg).names)


# ----------------------------------------------------------------------------------------------------- random ones
N = 40_000
MOMENTS: dict[str, tuple[str, float, float]] = {  # a call; mean and standard deviation
    "normal": ("normal_(2.0, 0.5)", 2.0, 0.5),
    "normal, by default": ("normal_()", 0.0, 1.0),
    "normal, by name": ("normal_(mean=-1.0, std=2.0)", -1.0, 2.0),
    "uniform": ("uniform_(-1.0, 3.0)", 1.0, 4 / 12**0.5),
    "uniform, by default": ("uniform_()", 0.5, 1 / 12**0.5),
    "bernoulli": ("bernoulli_(0.3)", 0.3, (0.3 * 0.7) ** 0.5),
    "bernoulli, by default": ("bernoulli_()", 0.5, 0.5),
    "exponential": ("exponential_(2.0)", 0.5, 0.5),
    "exponential, by default": ("exponential_()", 1.0, 1.0),
    "log_normal": ("log_normal_(0.0, 0.25)", 2.718281828459045**0.03125, 0.2601),
    "random": ("random_(3, 7)", 4.5, 1.25**0.5),
    "random, up to": ("random_(4)", 1.5, 1.25**0.5),
}


@pytest.mark.parametrize("case", MOMENTS)
def test_random_fillings_have_their_moments(case: str) -> None:
    call, mean, spread = MOMENTS[case]
    tg.manual_seed(0)
    base = tg.zeros(2, N)
    x = base[1]
    assert eval(f"x.{call}", {"x": x}) is x
    values = base.numpy()
    assert not values[0].any()
    assert abs(values[1].mean() - mean) < 6 * spread / N**0.5  # six standard errors
    assert abs(values[1].std() - spread) < 6 * spread / N**0.5
    tg.manual_seed(0)
    again = tg.zeros(2, N)[1]
    eval(f"x.{call}", {"x": again})
    np.testing.assert_array_equal(again.numpy(), values[1])


@pytest.mark.parametrize("case", MOMENTS)
def test_random_fillings_like_torch(case: str, torch: Any) -> None:
    """What can be compared without the numbers: flags, gradients of zero, refusals."""
    call = MOMENTS[case][0]
    for source in (
        f"x = L.zeros(3, requires_grad=True); x.{call}",
        f"x = L.tensor([1, 2, 3]); x.{call.split('(')[0]}({'4' if 'random' in call else ''}); x.zero_()",
        f"a = L.ones(3, requires_grad=True); x = a * 2; x.{call}; x.sum().backward(); x = 0",
        f"a = L.ones(2, 3, requires_grad=True); y = a * 2; y[0].{call}; y.sum().backward(); y = 0",
        f"a = L.ones(3, requires_grad=True); with L.no_grad(): a.{call}; a.data.zero_()",
        f"a = L.ones(3, requires_grad=True); a.data.{call}; a.data.zero_()",
        "x = L.zeros(3); x.uniform_(2.0, 1.0)" if "uniform" in call else "x = L.zeros(3); x.normal_(0.0, -1.0)",
        "x = L.zeros(3); x.bernoulli_(1.5)",
    ):
        text = verdict(source, tg, torch)
        assert not text, f"{source}\n{text}"


@pytest.mark.parametrize("dtype", [np.bool_, np.uint8, np.int8, np.int16, np.int64, np.float16])
def test_random_integers_reach_from_0_to_the_largest_of_the_dtype(dtype: Any) -> None:
    class Ends:
        """A generator that draws the ends of what it is asked for in turn."""

        def integers(self, low: int, high: int, shape: Any) -> Any:
            return np.resize([low, high - 1], shape)

    most = 2**11 if dtype is np.float16 else 1 if dtype is np.bool_ else np.iinfo(dtype).max
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("tinygrad_cnn.arrays.rng.resolve", lambda _: Ends())
        x = tg.zeros(2, dtype=dtype)
        assert x.random_() is x
        assert x.tolist() == [0, most]
        if dtype is not np.bool_:
            assert x.random_(5).tolist() == [0, 4]
            assert x.random_(2, 7).tolist() == [2, 6]
    with pytest.raises(RuntimeError, match="the lower end must be below the upper, got 3 and 3"):
        x.random_(3, 3)
