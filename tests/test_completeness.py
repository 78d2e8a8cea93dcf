"""No public function without property tests: each has a `Case`, and each case calls the function it names."""

from __future__ import annotations

import inspect
import sys
import types
from typing import Any

import hypothesis
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_cnn as tg
import tinygrad_cnn.nn.functional as F
from tests.ops.case import Case
from tests.ops.test_cases import CASES, drawn
from tinygrad_cnn.tensors import Tensor

AT_LEAST = 150

NOT_A_FUNCTION_OF_ARRAYS = {  # tested elsewhere, for other properties than values and gradients
    "tensors.creation": "makes arrays of nothing; tests/tensors/test_creation.py",
    "tensors.sampling": "random; tests/tensors/test_sampling.py",
    "tensors.asking": "Python's numbers and truths; tests/tensors/test_names.py",
    "tensors.dtypes": "of dtypes; tests/tensors/test_names.py",
    "tensors.printing": "text; tests/tensors/test_names.py",
    "tensors.random_state": "random state; tests/tensors/test_names.py",
    "tensors.typed": "of types; tests/tensors/test_names.py",
    "arrays.determinism": "a switch; tests/tensors/test_names.py",
    "arrays.rng": "random state; tests/tensors/test_sampling.py",
    "autograd.modes": "switches; tests/autograd/test_modes.py",
    "autograd.operation": "op: the engine itself; tests/autograd/test_engine.py",
    "autograd.backward": "grad: the engine itself; tests/autograd/test_engine.py",
    "differentiation.recompute": "checkpoint: another way to differentiate; tests/autograd/test_engine.py",
    "arrays.threads": "settings; tests/arrays/test_threads.py",
    "io": "files; tests/io",
    "backends.settings": "settings; tests/backends/test_backends.py",
    "compiler": "gives a model back; tests/backends/test_backends.py",
    "standalone.exporting": "export_numpy: writes files; tests/standalone",
    "nn.summary": "a table of a model; tests/nn/test_summary.py",
}
NOT_BY_A_CASE = {  # single functions that a case does not fit, and why
    "is_tensor": "a question about a type",
    "numel": "gives a Python number",
    "is_complex": "gives a Python bool",
    "broadcast_shapes": "takes shapes, and gives one",
    "result_type": "gives a dtype",
    "get_default_dtype": "gives a dtype",
    "set_default_dtype": "a setting; tests/tensors/test_names.py",
    "equal": "gives a Python bool",
    "allclose": "gives a Python bool",
    **{
        f"nn.functional.{name}_": "writes; compared with PyTorch in tests/nn/test_randomized.py"
        for name in ("celu", "elu", "hardtanh", "leaky_relu", "relu", "rrelu", "selu", "threshold")
    },
}


def functions() -> dict[str, types.FunctionType]:
    """The public functions of arrays: those on the package and in its namespaces, a function of several names once."""
    found: dict[str, types.FunctionType] = {}
    for prefix, namespace in (("", tg), ("linalg.", tg.linalg), ("special.", tg.special), ("nn.functional.", F)):
        for name, value in vars(namespace).items():
            if name.startswith("_") or not isinstance(value, types.FunctionType):
                continue
            if inspect.unwrap(value) in map(inspect.unwrap, found.values()):
                continue
            home = value.__module__.removeprefix("tinygrad_cnn.")
            if prefix + name not in NOT_BY_A_CASE and home.removesuffix(".checkpoint") not in NOT_A_FUNCTION_OF_ARRAYS:
                found[prefix + name] = value
    return found


def named(name: str) -> Any:
    """What stands under a public name, or None."""
    value: Any = tg
    for part in name.split("."):
        value = getattr(value, part, None)
    return value


FUNCTIONS = functions()
CASES_OF: dict[Any, list[Case]] = {}
for _case in CASES.values():
    CASES_OF.setdefault(named(_case.name), []).append(_case)


def test_every_public_function_has_a_case() -> None:
    missing = [name for name, function in FUNCTIONS.items() if function not in CASES_OF]
    assert not missing, f"{len(missing)} public functions have no Case under tests/: {', '.join(sorted(missing))}"


def test_every_case_names_a_public_function() -> None:
    unknown = [name for name, case in CASES.items() if not callable(named(case.name))]
    assert not unknown


def test_there_are_many() -> None:
    assert len(FUNCTIONS) >= AT_LEAST, f"{len(FUNCTIONS)} public differentiable or array functions"


def test_exceptions_are_still_needed() -> None:
    """An entry for what is no longer public, or has a case by now, comes off the list."""
    stale = [name for name in NOT_BY_A_CASE if named(name) is None or named(name) in CASES_OF]
    assert not stale


def test_every_method_of_a_function_is_compared_with_it() -> None:
    """A Tensor method that bears the name of a function is named by one of the function's cases."""
    methods = {
        name
        for name, function in vars(tg).items()
        if isinstance(function, types.FunctionType) and function in CASES_OF and callable(getattr(Tensor, name, None))
    }
    missing = [name for name in sorted(methods) if not any(case.method for case in CASES_OF[getattr(tg, name)])]
    assert not missing, f"no case of these functions says `method=`: {', '.join(missing)}"


def test_every_public_name_is_there() -> None:
    assert [name for name in tg.__all__ if not hasattr(tg, name)] == []


def test_every_case_of_a_method_calls_it() -> None:
    """A case of a method alone computes the same in another way, for arrays; ``method=`` calls the method itself."""
    methods = {case.name for case in CASES.values() if case.name.startswith("Tensor.")}
    called = {case.name for case in CASES.values() if case.method is not None}
    missing = sorted(methods - called)
    assert not missing, f"no case of these methods says `method=`: {', '.join(missing)}"


OF_FUNCTIONS = [pytest.param(c, id=name) for name, c in CASES.items() if not c.name.startswith("Tensor.")]


@pytest.mark.filterwarnings("ignore::tinygrad_cnn.GuardRailWarning")  # random scores are no log-probabilities
@pytest.mark.parametrize("case", OF_FUNCTIONS)
def test_a_case_calls_the_function_it_names(case: Case) -> None:
    function = inspect.unwrap(named(case.name))

    @hypothesis.settings(max_examples=1, phases=[hypothesis.Phase.generate], database=None)
    @given(data=st.data())
    def codes(data: st.DataObject) -> None:
        inputs, kwargs = drawn(case, data)
        seen: set[types.CodeType] = set()

        def watch(frame: types.FrameType, event: str, _argument: Any) -> None:
            if event == "call":
                seen.add(frame.f_code)

        before = sys.getprofile()
        sys.setprofile(watch)
        try:
            case.call(*[Tensor(x) if isinstance(x, np.ndarray) else x for x in inputs], **kwargs)
        finally:
            sys.setprofile(before)
        assert function.__code__ in seen, f"the case calls something else than {case.name}"

    codes()
