"""Each test begins with no optimizer but its own: what earlier tests left may live on until memory is tidied up."""

from __future__ import annotations

import pytest

from tinygrad_cnn.rails.memory import watches


@pytest.fixture(autouse=True)
def nobody_else() -> None:
    watches.clear()
