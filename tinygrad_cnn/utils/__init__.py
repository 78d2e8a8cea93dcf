"""Under the names of ``torch.utils``: the data tools, and more."""
