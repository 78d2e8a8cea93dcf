"""PyTorch's names for what computes beneath: none of these is here, and their settings may be set."""

from . import accelerator as accelerator
from . import cuda as cuda
from . import cudnn as cudnn
from . import mps as mps
