"""gradcheck passes right rules and refuses each kind of wrong one, saying what is wrong and where."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tinygrad_cnn.arrays.rng import Generator
from tinygrad_cnn.autograd.backward import cast
from tinygrad_cnn.autograd.modes import no_grad
from tinygrad_cnn.autograd.operation import op
from tinygrad_cnn.ops import elementwise as e
from tinygrad_cnn.tensors import Tensor
from tinygrad_cnn.testing import GradcheckError, GradcheckWarning, gradcheck, gradgradcheck

X = np.array([[0.5, -1.2, 2.0], [1.5, 0.7, -0.4]])
V = np.array([1.1, -0.6, 0.9])


def unary(rule: Callable[..., Any], forward: Callable[..., Any] = lambda x: x * x) -> Any:
    """An operation of one input with this rule."""

    @op(rule)
    def example(x: Any) -> Any:
        return forward(x)

    return example


def binary(first: Callable[..., Any], second: Callable[..., Any]) -> Any:
    """A product with these rules."""

    @op(first, second)
    def example(a: Any, b: Any) -> Any:
        return a * b

    return example


class TestRight:
    def test_functions_of_one_and_of_several_inputs(self) -> None:
        for function, inputs in [
            (e.exp, X),
            (e.mul, (X, V)),
            (e.true_divide, [V, X]),
            (lambda a, b, c: e.where(a > 0, b * c, b - c), (X, V, X + 1)),
            (lambda x: (e.exp(x), e.tanh(x) * 2), X),
            (lambda x: (x > 0, x * x), X),
            (e.add, (np.float64(2.0) * np.ones(()), X)),
            (e.exp, np.zeros((0, 3))),
        ]:
            assert gradcheck(function, inputs) is True
            assert gradgradcheck(function, inputs) is True

    def test_tensors_that_require_no_grad_and_other_arguments_are_passed_on(self) -> None:
        def f(x: Tensor, constant: Tensor, index: Any, *, power: int) -> Any:
            assert not constant.requires_grad
            assert index.dtype == np.int64
            return e.pow(x, power) * constant

        inputs = (Tensor(X, requires_grad=True), Tensor(V), np.array([1, 2]))
        assert gradcheck(f, inputs, kwargs={"power": 3})
        assert gradgradcheck(f, inputs, kwargs={"power": 3})

    def test_within_no_grad(self) -> None:
        with no_grad():
            assert gradcheck(e.exp, X)
            assert gradgradcheck(e.exp, X)

    def test_what_was_given_stays_as_it_was(self) -> None:
        x = Tensor(X.copy(), requires_grad=True)
        assert gradgradcheck(e.exp, x)
        assert gradcheck(e.exp, x)
        assert x.grad is None
        np.testing.assert_array_equal(x.numpy(), X)

    @pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
    def test_at_any_scale(self, scale: float) -> None:
        assert gradcheck(lambda x: e.exp(x) * scale, X)
        with pytest.raises(GradcheckError):
            gradcheck(unary(lambda g, _y, x: g * 2.0001 * x * scale, lambda x: x * x * scale), X)

    def test_a_steep_function_near_its_border(self) -> None:
        assert gradcheck(e.log, np.array([1e-3, 5.0]))
        assert gradcheck(e.log, np.array([1e-6]), eps=1e-7)

    @pytest.mark.parametrize("generator", [3, Generator(3), np.random.default_rng(3)])
    def test_generators(self, generator: Any) -> None:
        assert gradcheck(e.mul, (X, V), generator=generator)

    def test_the_same_seed_gives_the_same_message(self) -> None:
        wrong = unary(lambda g, _y, x: g * x)
        messages = set()
        for _ in range(2):
            with pytest.raises(GradcheckError) as error:
                gradcheck(wrong, X, generator=5)
            messages.add(str(error.value))
        assert len(messages) == 1


class TestWrong:
    """Each wrong rule is refused, by name and place."""

    def check(self, function: Any, inputs: Any, match: str, check: Any = gradcheck, **options: Any) -> None:
        with pytest.raises(GradcheckError, match=match):
            check(function, inputs, **options)
        assert check(function, inputs, raise_exception=False, **options) is False

    def test_sign(self) -> None:
        self.check(unary(lambda g, _y, x: -2 * g * x), X, r"gradient of input 0 is wrong at index \(0, 0\).*factor -1")

    def test_factor(self) -> None:
        self.check(unary(lambda g, _y, x: g * x), X, r"6 of 6 elements are wrong, all by the factor 0.5")

    def test_a_small_error(self) -> None:
        self.check(unary(lambda g, _y, x: 2.00001 * g * x), X, "by the factor 1")
        assert gradcheck(unary(lambda g, _y, x: 2.00001 * g * x), X, rtol=1e-4)
        assert gradcheck(unary(lambda g, _y, x: 2.00001 * g * x), X, atol=1e-2)

    def test_one_element_of_the_second_input(self) -> None:
        def second(g: Any, _y: Any, a: Any, b: Any) -> Any:
            wrong = np.ones(b.shape)
            wrong[1] = 1.01
            return g * a * wrong

        function = binary(lambda g, _y, _a, b: g * b, second)
        self.check(function, (X, V), r"input 1 is wrong at index \(1,\)")

    def test_wrong_broadcasting(self) -> None:
        def mean(g: Any, _y: Any, a: Any, _b: Any) -> Any:
            return (g * a) / 2.0  # of a gradient that should be summed

        self.check(binary(lambda g, _y, _a, b: g * b, mean), (X, V), "input 1 is wrong.*factor 0.5")

    def test_inputs_mixed_up(self) -> None:
        self.check(binary(lambda g, _y, a, _b: g * a, lambda g, _y, _a, b: g * b), (X, V + 3), "input 0 is wrong")

    def test_a_missing_rule(self) -> None:
        function = op(lambda g, _y, _a, b: g * b)(lambda a, b: a * b)
        self.check(function, (X, V), r"input 1 is wrong.*factor 0 \(was the graph cut")

    def test_a_cut_graph(self) -> None:
        self.check(lambda x: e.mul(Tensor(x.numpy()), x), X, "factor 0.5")
        self.check(lambda x: e.exp(x.detach()), X, "factor 0 .*cut")

    def test_a_wrong_second_derivative(self) -> None:
        cut = unary(lambda g, _y, x: g * 2 * np.asarray(getattr(x, "data", x)))
        assert gradcheck(cut, X)
        self.check(cut, X, r"second derivative of input 0 is wrong.*factor 0", gradgradcheck)
        half = unary(lambda g, _y, x: e.mul(g, once(x)))
        assert gradcheck(half, X)
        self.check(half, X, "second derivative of input 0 is wrong.*by the factor 0.5", gradgradcheck)

    def test_a_second_derivative_by_the_cotangent(self) -> None:
        def rule(g: Any, _y: Any, x: Any) -> Any:
            return 2 * x * (Tensor(g.numpy()) if isinstance(g, Tensor) else g)

        assert gradcheck(unary(rule), X)
        self.check(unary(rule), X, r"second derivative of the gradient of output 0 \(the rule's g\)", gradgradcheck)

    def test_a_function_that_is_not_deterministic(self) -> None:
        counter = itertools.count()
        self.check(lambda x: x * float(next(counter)), X, "another output 0 when it is called again")

    def test_a_rule_that_is_not_deterministic(self) -> None:
        counter = itertools.count()
        self.check(unary(lambda g, _y, x: 2 * g * x + next(counter)), X, "another one when it is computed again")

    def test_writing_to_an_input(self) -> None:
        def forward(x: Any) -> Any:
            y = x * x
            if x.flags.writeable:
                x += 1
            return y

        self.check(unary(lambda g, _y, x: 2 * g * x, forward), X, "another output 0|input 0 was written to")

        def rule(g: Any, _y: Any, x: Any) -> Any:
            result = 2 * g * x
            if x.flags.writeable:
                x *= 1.5
            return result

        self.check(unary(rule), X, "input 0 was written to")

    def test_writing_to_the_gradient(self) -> None:
        def rule(g: Any, _y: Any, x: Any) -> Any:
            g *= 2
            return g * x

        self.check(unary(rule), X, "wrote to the gradient it was given")

    def test_memory_that_is_taken_for_contiguous(self) -> None:
        def forward(x: Any) -> Any:
            order = "C" if x.flags.c_contiguous else "K"
            return np.square(x).ravel(order).reshape(x.shape)

        self.check(unary(lambda g, _y, x: 2 * g * x, forward), X, "output 0 is another one.*transposed in memory")

        def rule(g: Any, _y: Any, x: Any) -> Any:
            return 2 * g * (x if x.flags.c_contiguous else x[::-1])

        self.check(unary(rule), X, "gradient of input 0 is another one.*in memory")

    def test_needing_to_write(self) -> None:
        def forward(x: Any) -> Any:
            x += 1
            x -= 1
            return x * x

        self.check(
            unary(lambda g, _y, x: 2 * g * x, forward), np.array([1.0, 2.0]), "read-only.*must not be written to"
        )

    def test_nan(self) -> None:
        self.check(e.log, np.array([-1.0]), "NaN or inf at these inputs")

    def test_an_engine_that_casts(self) -> None:
        with pytest.raises(TypeError, match="float64 inputs gave output 0 as float32"):
            gradcheck(lambda x: cast(x, dtype=np.dtype(np.float32)), X)


@op(lambda g, _y, _x: g)
def once(x: Any) -> Any:
    """2 x, with half of its slope: right first derivatives with a wrong second one are made of it."""
    return 2 * x


class TestKinks:
    def test_a_kink_is_named_and_not_the_rule(self) -> None:
        with pytest.raises(GradcheckError, match=r"input 0 at index \(2,\) sits on a kink or a tie: .*kinks="):
            gradcheck(e.relu, np.array([1.0, -1.0, 0.0]))

    def test_a_tie(self) -> None:
        largest = op(lambda g, _y, x: g * (np.arange(3) == np.argmax(x)))(lambda x: x.max())
        with pytest.raises(GradcheckError, match=r"input 0 at index \(1,\) sits on a kink or a tie"):
            gradcheck(largest, np.array([0.0, 2.0, 2.0]))
        assert gradcheck(largest, np.array([0.0, 2.0, 2.1]))

    @pytest.mark.parametrize("distance", [1e-1, 1e-2, 1e-3, 1e-4, 2e-5])
    def test_near_a_kink_the_rule_can_be_checked(self, distance: float) -> None:
        assert gradcheck(e.relu, np.array([1.0, -distance, distance]))
        wrong = unary(lambda g, _y, x: g * 0.9 * (x > 0), lambda x: np.maximum(x, 0))
        with pytest.raises(GradcheckError, match=r"is wrong at index \(0,\)"):
            gradcheck(wrong, np.array([distance, -1.0]))

    def test_skipping_checks_the_others_and_says_so(self) -> None:
        with pytest.warns(GradcheckWarning, match=r"not checked: input 0 at index \(2,\) sits on a kink"):
            assert gradcheck(e.relu, np.array([1.0, -1.0, 0.0]), kinks="skip")
        wrong = unary(lambda g, _y, x: g * 0.9 * (x > 0), lambda x: np.maximum(x, 0))
        with pytest.raises(GradcheckError, match=r"is wrong at index \(0,\)"):
            gradcheck(wrong, np.array([1.0, -1.0, 0.0]), kinks="skip")

    def test_a_rule_outside_of_the_slopes_on_both_sides_is_wrong_on_a_kink_too(self) -> None:
        wrong = unary(lambda g, _y, x: g * ((x > 0) + 5.0 * (x == 0)), lambda x: np.maximum(x, 0))
        with pytest.raises(GradcheckError, match="lies outside of the two"):
            gradcheck(wrong, np.array([1.0, 0.0]), kinks="skip")

    def test_nothing_but_kinks_is_an_error(self) -> None:
        with pytest.raises(GradcheckError, match="nothing was checked"):
            gradcheck(e.relu, np.zeros(2), kinks="skip")

    def test_jumps_within_reach_that_agree_by_chance(self) -> None:
        """One jump within 0.01 and one within 0.02: the same slope from both steps, and a wrong one."""
        steps = unary(lambda g, _y, x: g * np.zeros(x.shape), lambda x: (x > 0.007) * 1.0 + (x > 0.014))
        assert gradcheck(steps, np.array([0.0]))

    def test_jumps_and_borders(self) -> None:
        step = unary(lambda g, _y, x: g * np.zeros(x.shape), np.sign)
        with pytest.raises(GradcheckError, match=r"input 0 at index \(0,\) sits on a kink or a tie"):
            gradcheck(step, np.array([0.0, 1.0]))
        with pytest.raises(GradcheckError, match=r"input 0 at index \(0,\) sits on a kink"):
            gradcheck(e.sqrt, np.array([0.0, 1.0]))

    def test_second_derivatives_jump_at_kinks(self) -> None:
        with pytest.raises(GradcheckError, match=r"input 0 at index \(0,\) sits on a kink"):
            gradgradcheck(lambda x: e.relu(x) * x, np.array([0.0, 1.0]))

    def test_smooth_functions_have_no_kinks(self) -> None:
        wrong = unary(lambda g, _y, _x: g, lambda x: np.exp(5 * x))
        with pytest.raises(GradcheckError, match="is wrong at index"):
            gradcheck(wrong, np.array([0.0, 1.0]), kinks="skip")

    def test_no_warning_without_a_kink(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert gradcheck(e.relu, X, kinks="skip")


class TestBadInput:
    @pytest.mark.parametrize("check", [gradcheck, gradgradcheck])
    def test_each_is_refused_at_the_door(self, check: Any) -> None:
        with pytest.raises(TypeError, match="gradcheck needs float64, got float32 as input 1"):
            check(e.add, (X, V.astype(np.float32)))
        with pytest.raises(TypeError, match="needs float64, got float32 as input 0"):
            check(e.exp, Tensor(V.astype(np.float32), requires_grad=True))
        with pytest.raises(ValueError, match=r"nothing to check.*got Tensor, int"):
            check(e.add, (Tensor(X), 1))
        with pytest.raises(ValueError, match=r"nothing to check.*no input"):
            check(e.add, ())
        with pytest.raises(ValueError, match="finite inputs, got NaN or inf in input 0"):
            check(e.exp, np.array([np.inf]))
        with pytest.raises(TypeError, match="needs a function, got int"):
            check(3, X)
        with pytest.raises(TypeError, match="must return a Tensor or a tuple of them, got float as output 0"):
            check(lambda _x: 1.0, X)
        with pytest.raises(TypeError, match="no floating output"):
            check(lambda x: x > 0, X)
        for options in ({"eps": 0.0}, {"rtol": -1.0}, {"atol": -1.0}, {"directions": 0}):
            with pytest.raises(ValueError, match="gradcheck needs eps > 0"):
                check(e.exp, X, **options)
        with pytest.raises(ValueError, match="kinks must be"):
            check(e.exp, X, kinks="ignore")


# ------------------------------------------------------------------------------------------- what a net knows by name
class Net:
    """y = f(x w + b), as a net: its parameters are no arguments. A wrong rule for one of them must be found."""

    def __init__(self, wrong: bool = False) -> None:
        self.w = Tensor(np.array([[0.3, -0.5], [1.1, 0.2], [-0.7, 0.9]]), requires_grad=True)
        self.b = Tensor(np.array([0.4, -0.1]), requires_grad=True)
        self.scale = binary(lambda g, _y, _a, b: g * b, lambda g, _y, a, _b: g * a * (1.5 if wrong else 1.0))

    def __call__(self, x: Tensor) -> Tensor:
        return self.scale(e.exp(x @ self.w), self.b)


@pytest.mark.parametrize("check", [gradcheck, gradgradcheck])
def test_parameters_that_the_function_knows_are_moved(check: Any) -> None:
    net, x = Net(), Tensor(X, requires_grad=True)
    before = [a.numpy() for a in (net.w, net.b, x)]
    assert check(lambda x, *_: net(x), (x, net.w, net.b))
    assert all(a.numpy() is kept and a.grad is None for a, kept in zip((net.w, net.b, x), before, strict=True))


def test_a_wrong_rule_of_a_parameter_is_found() -> None:
    net = Net(wrong=True)
    before = net.b.numpy()
    with pytest.raises(GradcheckError, match=r"the gradient of input 2 is wrong .* by the factor 1\.5"):
        gradcheck(lambda x, *_: net(x), (X, net.w, net.b))
    assert net.b.numpy() is before


def test_one_tensor_may_be_two_inputs() -> None:
    x = Tensor(V, requires_grad=True)
    assert gradcheck(lambda a, b: a * a * b, (x, x))
    with pytest.raises(GradcheckError, match="the gradient of input 1 is wrong"):
        gradcheck(binary(lambda g, _y, _a, b: g * b, lambda g, _y, a, _b: g + a), (x, x))
