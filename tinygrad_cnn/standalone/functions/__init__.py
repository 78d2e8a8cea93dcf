"""What an exported file computes with: plain functions on NumPy's arrays, copied into it as they stand here.

So each knows NumPy, `math` and its neighbours alone, and reads as a person would have written it for that file. They
are not used by the package; `tests/standalone` holds them against it.
"""
