"""Guard rails of a training: what they remember of optimizers and backward passes, and what they see in it.

They look at three moments: before a backward and before its gradients arrive (`passes`), and around an optimizer's step
(`steps`); at a module's attributes besides (`attributes`). Nothing they remember grows with the number of steps, and
nothing keeps a graph. What a right run pays is a look at each parameter; whatever takes longer (`nonfinite`, `naming`)
runs only when something is about to be said.
"""

from ..arrays.guarding import rails
from .passes import before_arrival, before_walk

rails.before_walk, rails.before_arrival = before_walk, before_arrival
