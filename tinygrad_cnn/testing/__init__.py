"""Checks for operations of one's own: `gradcheck`, `gradgradcheck`, memory layouts, and hypothesis strategies.

The strategies need hypothesis, and stand in `tinygrad_cnn.testing.strategies`; all else needs NumPy alone.
"""

from .layouts import memory_layouts as memory_layouts
