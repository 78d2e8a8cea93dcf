"""Models as files that need nothing of this package."""

from .exporting import export_numpy as export_numpy
