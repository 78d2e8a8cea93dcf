"""What a model computes, as a flat list of steps: for whoever writes it down in another language.

>>> import tinygrad_cnn as tg
>>> net = tg.nn.Sequential(tg.nn.Linear(4, 3), tg.nn.ReLU())
>>> print(tg.programs.record(net, tg.zeros(2, 4)))
input: (N, 4) float32
0: linear(input, 0.weight, 0.bias) -> (N, 3)
1: relu(0:linear) -> (N, 3)
"""

from .program import Extent as Extent
from .program import Program as Program
from .program import Step as Step
from .program import Value as Value
from .recording import record as record
