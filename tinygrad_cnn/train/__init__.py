"""Training without a loop of one's own: the Trainer, its history, metrics and callbacks."""

from .callbacks import Callback, EarlyStopping, GradientClipping, Run, SchedulerCallback
from .checkpoints import BestCheckpoint, Checkpoint
from .csv_log import CSVLogger
from .history import History
from .metrics import Accuracy, ConfusionMatrix, Mean, Metric, TopKAccuracy, accuracy, confusion_matrix, topk_accuracy
from .trainer import Trainer, fit

__all__ = [
    "Accuracy",
    "BestCheckpoint",
    "CSVLogger",
    "Callback",
    "Checkpoint",
    "ConfusionMatrix",
    "EarlyStopping",
    "GradientClipping",
    "History",
    "Mean",
    "Metric",
    "Run",
    "SchedulerCallback",
    "TopKAccuracy",
    "Trainer",
    "accuracy",
    "confusion_matrix",
    "fit",
    "topk_accuracy",
]
