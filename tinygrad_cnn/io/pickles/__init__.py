"""Pickles read as data: an interpreter of the opcodes that build plain values, which refuses all others.

Python's own unpickler imports and calls whatever a file names. This one imports nothing and calls nothing by name: a
global name is looked up in a table that the caller wrote, and what is not there is an error. Numbers, strings, lists,
tuples, dicts and sets need no names; everything else is made by a function of ours.

A file cannot make it work, or hold memory, out of proportion to the file's size: what is reached twice through the
memo is paid for twice.
"""

from .machine import Dialect, Maker, Pending, PickleError, Word
from .numpy_names import NUMPY_NAMES
from .plain_names import PLAIN_NAMES
from .reading import read_pickle

__all__ = ["NUMPY_NAMES", "PLAIN_NAMES", "Dialect", "Maker", "Pending", "PickleError", "Word", "read_pickle"]
