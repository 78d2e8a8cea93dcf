"""One file from the network: into a temporary file, checked, then renamed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..io.atomic import replacing

_CHUNK = 1 << 16


def download(
    url: str,
    target: Path,
    *,
    check: Callable[[Path], Any],
    timeout: float = 20.0,
    max_bytes: int = 1 << 27,
    progress: bool = True,
) -> None:
    """Fetch ``url`` to ``target``, whose folder is made. ``check(path)`` raises if the content is not what it should
    be; ``target`` appears only after it, complete. Says on stderr what is fetched, with a progress bar on a terminal.

    Raises OSError (no connection, no answer for ``timeout`` seconds, an HTTP error, a full disk) or ValueError (the
    check, more than ``max_bytes``, an end before the announced length).
    """
    import http.client
    from urllib.request import Request, urlopen

    from tqdm import tqdm

    if progress:
        print(f"downloading {url} to {target}", file=sys.stderr)
    try:
        request = Request(url, headers={"User-Agent": "tinygrad_cnn"})
        with urlopen(request, timeout=timeout) as answer:
            target.parent.mkdir(parents=True, exist_ok=True)
            length = answer.headers.get("Content-Length") or ""
            total = int(length) if length.isdigit() else None
            hidden = not (progress and sys.stderr.isatty())
            got = 0
            bar = tqdm(total=total, unit="B", unit_scale=True, leave=False, disable=hidden)
            with bar, replacing(target) as file:
                while piece := answer.read(_CHUNK):
                    got += len(piece)
                    if got > max_bytes:
                        raise ValueError(f"more than {max_bytes:,} bytes came: not the file expected")
                    file.write(piece)
                    bar.update(len(piece))
                if total is not None and got != total:
                    raise ValueError(f"the connection ended after {got:,} of {total:,} bytes")
                file.flush()
                check(file.temporary)
    except http.client.HTTPException as error:
        raise OSError(f"{type(error).__name__}: {error}") from error
