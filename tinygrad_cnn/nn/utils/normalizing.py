"""Weights that are made anew before each forward: of length and direction, or with their largest stretch divided out.

The weight leaves the parameters; what it is made of takes its place there, under PyTorch's names.
"""

from __future__ import annotations

from typing import Any

from ...arrays.telling import described
from ...autograd.modes import no_grad
from ...ops.contraction import inner
from ...ops.linalg import mv
from ...tensors import Tensor
from ...tensors.sampling import randn
from ..module import Module
from ..parameter import Parameter


class _Remade:
    """A hook before forward that makes a module's weight of its parts."""

    def __init__(self, name: str, dim: int | None) -> None:
        self.name, self.dim = name, dim
        self.handle: Any = None

    def weight(self, module: Module) -> Tensor:
        """The weight as its parts say."""
        raise NotImplementedError

    def __call__(self, module: Module, inputs: Any) -> None:  # noqa: ARG002
        setattr(module, self.name, self.weight(module))

    def parts(self) -> tuple[str, ...]:
        """The names of what the weight is made of."""
        raise NotImplementedError

    def hang(self, module: Module) -> None:
        self.handle = module.register_forward_pre_hook(self)
        vars(module).setdefault("_remade", {})[type(self).__name__, self.name] = self

    def remove(self, module: Module) -> None:
        """Make a parameter of the weight again."""
        with no_grad():
            weight = Parameter(self.weight(module).detach().clone())
        delattr(module, self.name)
        for part in self.parts():
            delattr(module, part)
        module.register_parameter(self.name, weight)
        self.handle.remove()


def _require(module: Any, name: str, what: str) -> Parameter:
    if not isinstance(module, Module):
        raise TypeError(f"{what}: expected a module, got {described(module)}")
    weight = getattr(module, name, None)
    if not isinstance(weight, Parameter):
        again = ("_remade" in vars(module)) and any(n == name for _, n in vars(module)["_remade"])
        why = ", which is remade before each forward already" if again else ""
        raise RuntimeError(f"{what}: {type(module).__name__} has no parameter {name!r}{why}")
    return weight


def _remove(cls: type[_Remade], module: Module, name: str, what: str) -> Module:
    hook = vars(module).get("_remade", {}).pop((cls.__name__, name), None)
    if hook is None:
        raise ValueError(f"{what}: {name!r} of {type(module).__name__} was not made by it")
    hook.remove(module)
    return module


# ---------------------------------------------------------------------------------------------------- length, direction
class _WeightNorm(_Remade):
    def parts(self) -> tuple[str, ...]:
        return f"{self.name}_g", f"{self.name}_v"

    def weight(self, module: Module) -> Tensor:
        g, v = (getattr(module, part) for part in self.parts())
        result: Tensor = v * (g / _lengths(v, self.dim))
        return result


def _lengths(v: Tensor, dim: int | None) -> Tensor:
    """The norm of each slice along ``dim``, of shape (1, ..., n, ..., 1); of everything for None."""
    if dim is None:
        return (v * v).sum().sqrt()
    others = tuple(d for d in range(v.ndim) if d != dim)
    return (v * v).sum(others, keepdim=True).sqrt() if others else v.abs()


def weight_norm(module: Module, name: str = "weight", dim: int | None = 0) -> Module:
    """Split a weight into length and direction: w = g v / |v| (Salimans & Kingma 2016).

    ``name_g`` and ``name_v`` take the place of the parameter. ``dim``: each slice along it has its own length; None
    (or -1, as in PyTorch) is one length for all. Returns the module.

    Raises TypeError for what is no module, RuntimeError where there is no such parameter.
    """
    weight = _require(module, name, "weight_norm")
    dim = None if dim == -1 else dim
    if dim is not None and not 0 <= dim < weight.ndim:
        raise ValueError(
            f"weight_norm: dim must be None or a dimension of {name!r}, of shape {weight.shape}, got {dim}"
        )
    hook = _WeightNorm(name, dim)
    delattr(module, name)
    with no_grad():
        module.register_parameter(f"{name}_g", Parameter(_lengths(weight, dim).detach().clone()))
        module.register_parameter(f"{name}_v", Parameter(weight.detach().clone()))
    setattr(module, name, hook.weight(module))
    hook.hang(module)
    return module


def remove_weight_norm(module: Module, name: str = "weight") -> Module:
    """Take `weight_norm` off again: the weight becomes a parameter, as it is now. ValueError where there was none."""
    return _remove(_WeightNorm, module, name, "remove_weight_norm")


# ---------------------------------------------------------------------------------------------------------- the stretch
class _SpectralNorm(_Remade):
    def __init__(self, name: str, dim: int, iterations: int, eps: float) -> None:
        super().__init__(name, dim)
        self.iterations, self.eps = iterations, eps

    def parts(self) -> tuple[str, ...]:
        return (f"{self.name}_orig",)

    def matrix(self, weight: Tensor) -> Tensor:
        """The weight as a matrix: ``dim`` by everything else."""
        assert self.dim is not None
        moved = weight if self.dim == 0 else weight.movedim(self.dim, 0)
        return moved.reshape(moved.shape[0], -1)

    def weight(self, module: Module) -> Tensor:
        return self.divided(module, iterate=False)

    def __call__(self, module: Module, inputs: Any) -> None:  # noqa: ARG002
        setattr(module, self.name, self.divided(module, iterate=module.training))

    def divided(self, module: Module, iterate: bool) -> Tensor:
        """The weight by its largest singular value, as power iteration knows it."""
        weight = getattr(module, f"{self.name}_orig")
        matrix = self.matrix(weight)
        u, v = (getattr(module, f"{self.name}_{side}") for side in ("u", "v"))
        if iterate:
            with no_grad():
                for _ in range(self.iterations):
                    v.copy_(self.unit(mv(matrix.T, u)))
                    u.copy_(self.unit(mv(matrix, v)))
        sigma = inner(u.clone(), mv(matrix, v.clone()))  # copies: the next iteration writes into u and v
        result: Tensor = weight / sigma
        return result

    def unit(self, x: Tensor) -> Tensor:
        return x / max((x * x).sum().sqrt().item(), self.eps)

    def remove(self, module: Module) -> None:
        super().remove(module)
        for side in ("u", "v"):
            delattr(module, f"{self.name}_{side}")


def spectral_norm(
    module: Module, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12, dim: int | None = None
) -> Module:
    """Divide a weight by its largest singular value, which power iteration follows (Miyato et al. 2018).

    The parameter becomes ``name_orig``, and the singular vectors the buffers ``name_u`` and ``name_v``: each forward in
    training takes ``n_power_iterations`` steps with them. ``dim`` is the weight's dimension of outputs, by default 1
    for transposed convolutions, else 0. Returns the module.

    Raises TypeError for what is no module, RuntimeError where there is no such parameter, ValueError for less than one
    iteration.
    """
    weight = _require(module, name, "spectral_norm")
    if isinstance(n_power_iterations, bool) or not isinstance(n_power_iterations, int) or n_power_iterations < 1:
        raise ValueError(f"spectral_norm: n_power_iterations must be an integer >= 1, got {n_power_iterations!r}")
    if dim is None:
        dim = 1 if type(module).__name__.startswith("ConvTranspose") else 0
    hook = _SpectralNorm(name, dim % weight.ndim, n_power_iterations, eps)
    height, width = hook.matrix(weight.detach()).shape
    delattr(module, name)
    module.register_parameter(f"{name}_orig", weight)
    for side, n in (("u", height), ("v", width)):
        module.register_buffer(f"{name}_{side}", hook.unit(randn(n, dtype=weight.dtype)))
    setattr(module, name, weight.detach())
    hook.hang(module)
    return module


def remove_spectral_norm(module: Module, name: str = "weight") -> Module:
    """Take `spectral_norm` off again: the weight becomes a parameter, as it is now. ValueError where there was none."""
    return _remove(_SpectralNorm, module, name, "remove_spectral_norm")
