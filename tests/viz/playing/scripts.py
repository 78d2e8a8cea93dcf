"""The scripts of the playground outside of a page: what they compute, as JSON."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import Any

import pytest

from tinygrad_cnn.viz.kit.page import part

NODE = shutil.which("node")
SCRIPTS = ("engine", "net", "points")


def computed(code: str, given: Any = None) -> Any:
    """What the body of a function returns that sees `given` and all names of the scripts; numbers to the last bit."""
    if NODE is None:
        pytest.skip("no node here: the engine of the page runs in a browser alone")
    texts = "\n".join(part("tinygrad_cnn.viz.playing", f"web/{name}.js") for name in SCRIPTS)
    body = f'"use strict";\n{texts}\nconst given = {json.dumps(given)};\nconst answer = (() => {{ {code} }})();\n'
    script = body + "process.stdout.write(JSON.stringify(answer));"
    done = subprocess.run([NODE, "-"], input=script, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
