"""Parts of PyTorch that are not here, and what there is in their place: the text of the error that names them."""

ABSENT = {
    "jit": "nothing is compiled to scripts: call the module itself, or tg.compile(module)",
    "fx": "tg.viz.draw_graph draws the graph of what was computed",
    "fft": "numpy.fft transforms x.numpy()",
    "func": "tg.autograd.functional has jacobian, hessian, jvp, vjp and hvp",
    "vmap": "add a batch dimension: operations broadcast",
    "sparse": "all tensors are dense",
    "quantization": "nets compute in floating point",
    "multiprocessing": "DataLoader reads ahead in a thread; operations share the cores (tg.set_num_threads)",
    "distributed": "one process trains a net here",
    "hub": "nothing is downloaded but datasets: tg.load reads a file of torch.save",
    "version": "tinygrad_cnn.__version__ says which",
    "complex": "tensors hold real numbers",
    "stft": "scipy.signal has it",
}
