"""Computation graphs: what was computed, from what, with which gradients."""
