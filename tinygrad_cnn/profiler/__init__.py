"""Where the time goes: time, memory and FLOP/s of each operation and of each module, as tables and as a trace.

>>> import tinygrad_cnn as tg
>>> net = tg.nn.Sequential(tg.nn.Linear(4, 3), tg.nn.ReLU())
>>> with tg.profiler.profile() as p:
...     net(tg.ones(2, 4)).sum().backward()
>>> sorted((row.name, row.calls) for row in p.by_module().values() if row.name in ("0", "1"))
[('0', 1), ('1', 1)]
>>> p.by_op()["linear"].flops  # forward, and the gradient of the weight: 2 * 2 * 4 * 3 each
96
"""

from .events import Event as Event
from .events import NodeCost as NodeCost
from .profiling import ProfilerActivity as ProfilerActivity
from .profiling import profile as profile
from .profiling import record_function as record_function
from .tables import Row as Row
