"""Measurements of tinygrad_cnn beside PyTorch and others: see docs/benchmarks.md."""
