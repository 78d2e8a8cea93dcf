"""Plain NumPy beneath everything: windows, convolutions, copies, threads, random numbers. Knows no autograd."""
