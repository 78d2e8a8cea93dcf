"""Probability distributions, under the names of ``torch.distributions``.

>>> import tinygrad_cnn as tg
>>> policy = tg.distributions.Categorical(logits=tg.zeros(3))
>>> policy.log_prob(tg.tensor(1)).exp()
tensor(0.3333)
"""

from . import constraints as constraints
from .bernoulli import Bernoulli
from .categorical import Categorical
from .distribution import Distribution
from .exponential import Exponential
from .independent import Independent
from .kl import kl_divergence, register_kl
from .laplace import Laplace
from .normal import Normal
from .uniform import Uniform

__all__ = [
    "Bernoulli",
    "Categorical",
    "Distribution",
    "Exponential",
    "Independent",
    "Laplace",
    "Normal",
    "Uniform",
    "constraints",
    "kl_divergence",
    "register_kl",
]
