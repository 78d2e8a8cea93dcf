"""Every public function, as a model of its own: where it has words in NumPy, they say what it says."""

from __future__ import annotations
