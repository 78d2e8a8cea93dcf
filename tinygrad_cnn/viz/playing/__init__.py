"""A small network that trains in the browser: the page, the engine in it, and how a model gets there."""
