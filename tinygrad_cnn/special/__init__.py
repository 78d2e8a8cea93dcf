"""Special functions under the names of ``torch.special``."""

from __future__ import annotations

from ..ops.bessel import i0, i0e, i1, i1e
from ..ops.elementwise import exp2, expm1, log1p
from ..ops.elementwise import sigmoid as expit
from ..ops.gamma import digamma, polygamma
from ..ops.gamma import lgamma as gammaln
from ..ops.gamma import mvlgamma as multigammaln
from ..ops.gaussian import entr, erfcx, log_ndtr, ndtr, ndtri, xlog1py
from ..ops.rounding import round
from ..ops.softmaxes import log_softmax, logsumexp, softmax
from ..ops.special import erf, erfc, erfinv, logit, sinc, xlogy

psi = digamma

__all__ = [
    "digamma",
    "entr",
    "erf",
    "erfc",
    "erfcx",
    "erfinv",
    "exp2",
    "expit",
    "expm1",
    "gammaln",
    "i0",
    "i0e",
    "i1",
    "i1e",
    "log1p",
    "log_ndtr",
    "log_softmax",
    "logit",
    "logsumexp",
    "multigammaln",
    "ndtr",
    "ndtri",
    "polygamma",
    "psi",
    "round",
    "sinc",
    "softmax",
    "xlog1py",
    "xlogy",
]
