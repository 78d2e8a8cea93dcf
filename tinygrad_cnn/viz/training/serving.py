"""The live page's server, in a thread that ends with the program."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data: blob:; "
    "connect-src 'self'; frame-ancestors http://127.0.0.1:* http://localhost:* vscode-webview:"
)
LIMIT = 1 << 16  # bytes of a question


class Served:
    """A page that is being served: ``address``, and ``close()``."""

    def __init__(self, server: ThreadingHTTPServer, cost: list[float]) -> None:
        self._server, self._cost = server, cost
        self.address = f"http://127.0.0.1:{server.server_port}/"
        threading.Thread(target=server.serve_forever, name="live page", daemon=True).start()

    def take_cost(self) -> float:
        """Processor seconds that answering took since this was asked last."""
        total = sum(self._cost)
        self._cost[:] = []
        return total

    def close(self) -> None:
        """Serve no more."""
        self._server.shutdown()
        self._server.server_close()


def serve(page: Callable[[], str], posts: Mapping[str, Callable[[Any], Any]], port: int = 0) -> Served:
    """Serve a page on 127.0.0.1, and answer its questions: JSON there, JSON back.

    A function that raises ValueError refuses: its text becomes the answer, with status 400.
    """
    cost: list[float] = []

    class Handler(BaseHTTPRequestHandler):
        timeout = 10
        wbufsize = -1

        def do_GET(self) -> None:
            if not self._own():
                return
            if self.path.partition("?")[0] == "/":
                self._send(200, page().encode(), "text/html")
            else:
                self._refuse(404, "there is no such page")

        def do_POST(self) -> None:
            if not self._own():
                return
            does, length = posts.get(self.path), self.headers.get("Content-Length", "")
            if does is None or not length.isdigit() or int(length) > LIMIT:
                return self._refuse(404 if does is None else 400, "there is no such question")
            body = self.rfile.read(int(length))
            start = time.thread_time()
            try:
                answer = json.dumps(does(json.loads(body)), allow_nan=False, separators=(",", ":"))
            except ValueError as error:
                return self._refuse(400, str(error))
            finally:
                cost.append(time.thread_time() - start)
            self._send(200, answer.encode(), "application/json")

        def _own(self) -> bool:
            """A foreign page is known by its Origin, and a name that was bent to point here by Host."""
            names = {f"{name}:{server.server_port}" for name in ("127.0.0.1", "localhost")}
            origin = self.headers.get("Origin")
            fine = self.headers.get("Host") in names and (origin is None or origin.removeprefix("http://") in names)
            if not fine:
                self._refuse(403, "this server answers its own page alone")
            return fine

        def _refuse(self, status: int, reason: str) -> None:
            self._send(status, json.dumps({"error": reason}).encode(), "application/json")

        def _send(self, status: int, content: bytes, kind: str) -> None:
            self.send_response(status)
            self.send_header("Content-Security-Policy", POLICY)
            self.send_header("Cache-Control", "no-store")
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing: a page asks twice a second."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    return Served(server, cost)
