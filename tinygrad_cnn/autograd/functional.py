"""A face: ``torch.autograd.functional``, whose contents stand in `differentiation`, above this room."""

from ..differentiation.derivatives import hessian, hvp, jacobian, jvp, vhp, vjp

__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]
