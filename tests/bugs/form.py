"""What a bug of the tables is, and the tests that several of them name."""

from __future__ import annotations

from typing import NamedTuple

AREAS = (
    "engine",
    "ops",
    "convolution",
    "windows",
    "arrays",
    "compiler",
    "nn",
    "optim",
    "train",
    "data",
    "io",
    "programs",
    "onnx",
    "standalone",
    "vision",
    "viz",
)


class Bug(NamedTuple):
    """What stands in a file of the package, once; what is put there instead; and the tests that should notice."""

    file: str
    old: str
    new: str
    tests: list[str]

    @property
    def area(self) -> str:
        """The room of the file; two parts of `arrays` are areas of their own."""
        room, *rest = self.file.removesuffix(".py").split("/")
        part = rest[0] if room == "arrays" and rest[0] in AREAS else room
        return part if part in AREAS else "engine"


def case(*names: str, file: str = "") -> list[str]:
    """The properties of these cases in tests/ops/test_cases.py, and the explicit tests of a file beside it."""
    wanted = [f"[{name}]".replace(" ", " and ") for name in names] + [file] * bool(file)
    return ["tests/ops/test_cases.py", *[f"tests/ops/{file}"] * bool(file), "-k", " or ".join(wanted)]


def functional(*names: str, file: str = "") -> list[str]:
    """As `case`, for functions of nn.functional."""
    return case(*(f"nn.functional.{name}" for name in names), file=file)


ENGINE = ["tests/autograd/test_engine.py", "-k", "not million"]
CONV, NORM = ["tests/ops/test_conv.py"], ["tests/ops/test_channelwise.py"]
FAST = ["tests/arrays/convolution", "tests/arrays/test_threads.py"]
