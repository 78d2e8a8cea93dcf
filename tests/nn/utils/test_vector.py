"""Parameters as one vector, and back."""

from __future__ import annotations

import numpy as np
import pytest

from tinygrad_cnn import nn
from tinygrad_cnn.nn.utils import parameters_to_vector, vector_to_parameters
from tinygrad_cnn.tensors import Tensor


def test_there_and_back() -> None:
    model = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 4))
    before = {k: v.numpy().copy() for k, v in model.state_dict().items()}
    vector = parameters_to_vector(model.parameters())
    assert vector.shape == (3 * 2 + 2 + 2 * 4 + 4,)
    np.testing.assert_array_equal(vector.numpy(), np.concatenate([v.ravel() for v in before.values()]))
    memory = [p.numpy() for p in model.parameters()]
    vector_to_parameters(vector.detach() * 2, model.parameters())
    for (k, v), m in zip(model.state_dict().items(), memory, strict=True):
        np.testing.assert_array_equal(v.numpy(), before[k] * 2)
        np.testing.assert_array_equal(m, v.numpy())


def test_gradients_flow_through() -> None:
    a, b = nn.Parameter(np.ones((2, 2))), nn.Parameter(np.ones(3))
    v = parameters_to_vector([a, b])
    (v * Tensor(np.arange(7.0))).sum().backward()
    assert a.grad.numpy().tolist() == [[0, 1], [2, 3]]
    assert b.grad.numpy().tolist() == [4, 5, 6]


def test_a_vector_of_another_length_changes_nothing() -> None:
    p = nn.Parameter(np.ones((2, 2)))
    for n in (3, 5):
        with pytest.raises(ValueError, match=rf"4 entries.*shape \(4,\), got \({n},\)"):
            vector_to_parameters(Tensor(np.zeros(n)), [p])
    assert p.numpy().all()
    with pytest.raises(TypeError, match="expected a Tensor, got ndarray"):
        vector_to_parameters(np.zeros(4), [p])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="there are no parameters"):
        parameters_to_vector([])


def test_a_changed_parameter_is_noticed() -> None:
    p = nn.Parameter(np.ones(2))
    y = p * p
    vector_to_parameters(Tensor(np.zeros(2)), [p])
    with pytest.raises(RuntimeError, match="changed in place"):
        y.sum().backward()
