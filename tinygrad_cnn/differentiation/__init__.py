"""Ways to differentiate that stand on the engine: a backward of one's own, Jacobians, recomputation."""
