"""Under the names of ``torch.utils``: the data tools, checkpoint, and the writer for TensorBoard."""

from . import checkpoint as checkpoint
from . import data as data
from . import tensorboard as tensorboard
