"""Under the names of ``torch.utils``: the data tools, and checkpoint."""

from . import checkpoint as checkpoint
from . import data as data
