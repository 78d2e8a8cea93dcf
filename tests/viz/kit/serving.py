"""A server in a thread, and requests to it."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import threading
from collections.abc import Iterator
from typing import Any


@contextlib.contextmanager
def served(server: Any) -> Iterator[Any]:
    """A server that answers, in a thread."""
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def ask(server: Any, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, Any, dict[str, str]]:
    """(status, content, headers) of one request; content is read as JSON where it says that it is."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=20)
    try:
        kind = {"Content-Type": "application/octet-stream"} if method == "POST" else {}
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body or None, {**kind, **given})
        reply = connection.getresponse()
        content = reply.read()
        found = {name.lower(): value for name, value in reply.getheaders()}
        return reply.status, json.loads(content) if "json" in found["content-type"] else content, found
    finally:
        connection.close()


def raw(server: Any, content: bytes, *, close: bool = True, wait: float = 20) -> bytes:
    """All that the server answers to these bytes; `close` says that no more will come."""
    with socket.create_connection(("127.0.0.1", server.server_port), timeout=wait) as client:
        client.sendall(content)
        if close:
            client.shutdown(socket.SHUT_WR)
        answer = b""
        while part := client.recv(65536):
            answer += part
    return answer
