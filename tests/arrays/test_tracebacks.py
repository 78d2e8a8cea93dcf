"""What a notebook shows of an error: the user's lines, and nothing of how this package is made."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import traceback
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tinygrad_cnn import nn
from tinygrad_cnn.arrays import tracebacks
from tinygrad_cnn.arrays.tracebacks import shorten

CELL = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(4, 3)

    def forward(self, x):
        return self.fc1(x)

Net()(tg.zeros(2, 5))
"""


@pytest.fixture(scope="module")
def shell(tmp_path_factory: Any) -> Any:
    """A shell of IPython that this package was imported in."""
    module = pytest.importorskip("IPython.core.interactiveshell", reason="IPython is not installed")
    set_to = pytest.MonkeyPatch()
    set_to.setenv("IPYTHONDIR", str(tmp_path_factory.mktemp("ipython")))
    known = module.InteractiveShell.initialized()
    made = module.InteractiveShell.instance(colors="nocolor")
    made.user_ns.update(tg=tg, nn=nn, np=np)
    tracebacks.shorten_in_ipython()
    yield made
    if not known:
        module.InteractiveShell.clear_instance()
    set_to.undo()


def shown(shell: Any, code: str, capsys: Any, mode: str = "Context") -> str:
    shell.InteractiveTB.set_mode(mode=mode)
    capsys.readouterr()
    shell.run_cell(code)
    out, err = capsys.readouterr()
    return re.sub(r"\x1b\[[0-9;]*m", "", out + err)


def within(text: str) -> list[str]:
    """The files of this package that a traceback names."""
    return re.findall(r"tinygrad_cnn/\w+/\S+\.py", text)


@pytest.mark.parametrize("mode", ["Context", "Plain"])
def test_the_last_frame_is_the_users_line(mode: str, shell: Any, capsys: Any) -> None:
    text = shown(shell, CELL, capsys, mode)
    assert within(text) == []
    assert text.index("Net()(tg.zeros(2, 5))") < text.rindex("return self.fc1(x)") < text.index("expects 4")
    assert "in fc1 (Linear)" in text


def test_verbose_shows_all_and_the_exception_keeps_all(shell: Any, capsys: Any) -> None:
    assert within(shown(shell, CELL, capsys, "Verbose"))
    shown(shell, CELL, capsys)
    whole = [frame.filename for frame in traceback.extract_tb(sys.last_traceback)]
    assert within(" ".join(whole))
    assert within(shown(shell, "%tb Verbose", capsys))


def test_numpy_is_hidden_where_we_called_it_and_not_where_the_user_did(
    shell: Any, capsys: Any, monkeypatch: Any
) -> None:
    text = shown(shell, "np.linalg.inv(np.ones((2, 3)))", capsys)
    assert "numpy/linalg" in text

    net = nn.ReLU()
    net.register_forward_pre_hook(json.JSONDecoder().decode)  # fails in a frame below one of ours
    with pytest.raises(TypeError) as caught:
        net(tg.ones(1))
    whole = caught.value.__traceback__
    assert traceback.extract_tb(shorten(whole))[-1].filename == json.decoder.__file__
    monkeypatch.setattr(tracebacks, "_CALLED", (str(Path(json.__file__).parent),))
    assert traceback.extract_tb(shorten(whole))[-1].filename == __file__


def test_errors_that_led_to_others_and_callbacks_of_the_user_are_shown_right(shell: Any, capsys: Any) -> None:
    text = shown(shell, CELL.replace("Net()(tg.zeros(2, 5))", "tg.summary(Net(), (2, 5))"), capsys)
    assert "direct cause" in text
    assert within(text) == []
    assert text.index("return self.fc1(x)") < text.index("direct cause")
    text = shown(
        shell, "def mine(module, x):\n    1 / 0\nnet = nn.ReLU()\nnet.register_forward_pre_hook(mine)\nnet(3)", capsys
    )
    assert within(text) == []
    assert text.index("net(3)") < text.rindex("1 / 0")


def test_it_is_put_in_once_and_nothing_happens_without_ipython(shell: Any, monkeypatch: Any) -> None:
    first = shell.InteractiveTB.structured_traceback
    tracebacks.shorten_in_ipython()
    assert shell.InteractiveTB.structured_traceback is first
    monkeypatch.delitem(sys.modules, "IPython")
    tracebacks.shorten_in_ipython()


def test_a_shell_is_found_when_the_package_is_imported() -> None:
    pytest.importorskip("IPython", reason="IPython is not installed")
    code = (
        "from IPython.core.interactiveshell import InteractiveShell; shell = InteractiveShell.instance(); "
        "shell.run_cell('import tinygrad_cnn'); assert shell.InteractiveTB.structured_traceback.shortens"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_a_traceback_of_ours_alone_stays(monkeypatch: Any) -> None:
    monkeypatch.setattr(tracebacks, "_OWN", __file__)
    with pytest.raises(ZeroDivisionError) as caught:
        1 / 0  # noqa: B018
    own = caught.value.__traceback__
    assert isinstance(own, TracebackType)
    assert shorten(own) is own
    assert shorten(None) is None
