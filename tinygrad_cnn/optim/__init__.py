"""Optimizers and learning-rate schedulers, under PyTorch's names."""

from . import lr_scheduler as lr_scheduler
from .adadelta import Adadelta
from .adafactor import Adafactor
from .adagrad import Adagrad
from .adam import Adam, AdamW
from .adamax import Adamax
from .asgd import ASGD
from .lbfgs import LBFGS
from .lion import Lion
from .nadam import NAdam
from .optimizer import Optimizer
from .radam import RAdam
from .rmsprop import RMSprop
from .rprop import Rprop
from .sgd import SGD

__all__ = [
    "ASGD",
    "LBFGS",
    "SGD",
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Lion",
    "NAdam",
    "Optimizer",
    "RAdam",
    "RMSprop",
    "Rprop",
    "lr_scheduler",
]

NOT_HERE = {  # PyTorch's, and why
    "SparseAdam": "its gradients are sparse tensors, which are not here; use Adam",
    "Muon": "PyTorch computes its steps in bfloat16, which NumPy has not; use AdamW",
}


def __getattr__(name: str) -> None:
    why = f": {NOT_HERE[name]}" if name in NOT_HERE else ""
    raise AttributeError(f"module '{__name__}' has no attribute {name!r}{why}")
