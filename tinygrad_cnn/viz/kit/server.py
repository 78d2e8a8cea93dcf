"""A page of one's own machine: a small HTTP server for it, on the standard library, that trusts nobody.

It listens on 127.0.0.1 alone, serves one page and a handful of functions, and answers no page but its own. Whatever
else comes gets a status 4xx and ``{"error": reason}``, within some seconds and a bounded amount of memory, and the
server goes on. The page runs the scripts that stand in it and no others: the header names each by its digest.

    with serve(Page(text), {"/double": lambda data: 2 * data["x"]}) as service:
        print(service.address)      # http://127.0.0.1:40123; the page asks: await channel.ask("/double", { x: 21 })
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
import socket
import sys
import threading
import time
import traceback
import webbrowser
from collections.abc import Callable, Mapping
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from .page import HEIGHT, META, Page, plain

SECURE = {
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
NOTEBOOKS = "http://localhost:* http://127.0.0.1:*"  # whose pages may show a page that is to be framed
LONGEST = 1 << 20  # bytes of a question


class Refused(Exception):
    """A request that gets no answer but a status and a reason.

    >>> raise Refused(404, "there is no such layer")
    Traceback (most recent call last):
    ...
    tinygrad_cnn.viz.kit.server.Refused: there is no such layer
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class LocalServer(ThreadingHTTPServer):
    """Serves a page at "/", and answers posts, each connection in a thread of its own.

    Args:
        page: the text of an HTML file that holds its styles and scripts. A policy of ``document`` gives way to the
            header, which allows those styles and scripts, and questions to this server, and nothing else.
        posts: {path: function of the request, a `Handler`, that returns data for JSON or raises `Refused`}.
        port: 0 takes any free one; it is ``server_port`` then.
        framed: pages of this machine, such as a notebook, may show it in a frame.

    Raises OSError where the port is taken, OverflowError for a number that is none.
    """

    daemon_threads = True
    patience = 10.0  # seconds for a request, all in all
    crowd = 100  # connections at once

    def __init__(
        self, page: str, posts: Mapping[str, Callable[[Handler], Any]], port: int = 0, *, framed: bool = False
    ) -> None:
        self.content, self.posts = page.replace(META, "", 1).encode(), posts
        self.headers = {"Content-Security-Policy": policy(page, framed=framed), **SECURE}
        self.ends: dict[Any, float] = {}  # connection: when its time is up
        super().__init__(("127.0.0.1", port), Handler)

    @property
    def address(self) -> str:
        """What to open in a browser."""
        return f"http://127.0.0.1:{self.server_port}"

    def process_request(self, request: Any, client_address: Any) -> None:
        if len(self.ends) < self.crowd:
            self.ends[request] = time.monotonic() + self.patience
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def shutdown_request(self, request: Any) -> None:
        self.ends.pop(request, None)
        super().shutdown_request(request)

    def service_actions(self) -> None:
        """Called twice a second: whoever sends too slowly is no longer listened to, and so comes to an end."""
        for request, end in self.ends.copy().items():
            if time.monotonic() > end:
                self.ends[request] = math.inf
                with suppress(OSError):  # it has gone already
                    request.shutdown(socket.SHUT_RD)

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], OSError):  # a client that went away is no error
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    """One request on each connection. Nothing that a client sends is ever used as the name of a file."""

    server: LocalServer
    timeout = 2 * LocalServer.patience  # of a send; the server's patience ends reading before
    wbufsize = -1
    server_version, sys_version = "local", ""
    refused = False

    def answer(self) -> None:
        try:
            self.check_sender()
            post = self.server.posts.get(self.path)
            allowed = "GET" if self.path == "/" else "POST" if post else None
            if allowed is None:
                raise Refused(404, "there is no such page")
            if self.command != allowed:
                raise Refused(405, f"{self.path} takes {allowed} only")
            if post is None:
                self.send(200, self.server.content, "text/html")
            else:
                self.send(200, as_json(post(self)), "application/json")
        except Refused as refusal:
            self.send_error(refusal.status, str(refusal))
        except OSError:
            raise
        except Exception:
            traceback.print_exc()  # in the terminal; the client learns nothing of it
            self.send_error(500, "the server made a mistake; its terminal says more")

    do_GET = do_POST = answer

    def check_sender(self) -> None:
        """A site whose name was bent to point here (DNS rebinding) is known by Host, a foreign page by Origin."""
        own = {f"{name}:{self.server.server_port}" for name in ("127.0.0.1", "localhost")}
        hosts, origins = self.headers.get_all("Host", []), self.headers.get_all("Origin", [])
        if len(hosts) != 1 or hosts[0].lower() not in own:
            raise Refused(403, "this server answers to 127.0.0.1 and localhost, with its port, alone")
        if any(origin.lower() not in {f"http://{name}" for name in own} for origin in origins):
            raise Refused(403, "this server answers its own page alone")

    def number(self, name: str, low: int, high: int) -> int:
        """The whole number in a header; else `Refused`."""
        given = self.headers.get_all(name, [])
        if len(given) != 1 or not (given[0].isascii() and given[0].isdigit()):
            raise Refused(400, f"the header {name} must be there once and be a whole number, {low} to {high}")
        if len(given[0]) > 9 or not low <= int(given[0]) <= high:
            status = 413 if name == "Content-Length" else 400
            raise Refused(status, f"{name} must lie in {low}..{high}, got {given[0][:12]}")
        return int(given[0])

    def body(self, limit: int, kind: str = "application/octet-stream") -> bytes:
        """The bytes that were sent, no more than the limit; nothing is read before their number is known."""
        if self.headers.get("Content-Type") != kind:
            raise Refused(415, f"send bytes, with Content-Type: {kind}")
        if "Transfer-Encoding" in self.headers or "Content-Length" not in self.headers:
            raise Refused(411, "say how many bytes come: Content-Length, without a Transfer-Encoding")
        length = self.number("Content-Length", 0, limit)
        try:
            received = self.rfile.read(length)
        except TimeoutError:
            raise Refused(408, "too slow") from None
        if len(received) < length:
            late = self.server.ends.get(self.connection) == math.inf
            reason = f"only {len(received)} of {length} bytes came"
            raise Refused(408, f"too slow: {reason}") if late else Refused(400, reason)
        return received

    def json(self, limit: int = LONGEST) -> Any:
        """The data that was sent as JSON; else `Refused`."""
        try:
            return json.loads(self.body(limit, "application/json"))
        except (ValueError, RecursionError):
            raise Refused(400, "what was sent is no JSON") from None

    def send(self, status: int, content: bytes, kind: str) -> None:
        self.request_version = "HTTP/1.0"  # or HTTP/0.9, which has no status, might be spoken
        self.send_response(status)
        for name, value in self.server.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        if status == 405:
            self.send_header("Allow", "GET" if self.path == "/" else "POST")
        self.end_headers()
        self.wfile.write(content)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:  # noqa: ARG002
        """All errors, those of http.server included, as JSON; what a client did wrong is a 4xx."""
        self.refused = True
        status = HTTPStatus({501: 405, 505: 400}.get(code, code))  # unknown method, unknown HTTP
        self.send(status, json.dumps({"error": message or status.phrase}).encode(), "application/json")

    def finish(self) -> None:
        """To close while bytes lie unread would take the answer back (a TCP reset): read and forget, for a while."""
        super().finish()
        if self.refused:
            end = time.monotonic() + self.server.patience
            with suppress(OSError):
                self.connection.shutdown(socket.SHUT_WR)
                while self.connection.recv(1 << 16) and time.monotonic() < end:
                    continue

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: a stroke makes dozens of requests."""


class Service:
    """A page that is served, until ``close()``, the end of a ``with`` block, or that of the program.

    Attributes:
        address: where it is, "http://127.0.0.1:PORT".
        height: pixels that it takes in a notebook.
    """

    def __init__(self, server: LocalServer, height: int = HEIGHT) -> None:
        self.address, self.height, self._server = server.address, height, server
        self._thread = threading.Thread(target=server.serve_forever, args=(0.1,), name="page", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End it, and give the port back; a second time does nothing."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Service:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _repr_html_(self) -> str:
        """A frame that shows the page, in a notebook whose browser runs on this machine."""
        return f'<iframe src="{self.address}" style="width:100%;height:{self.height}px;border:0"></iframe>'

    def __repr__(self) -> str:
        return f"<Page at {self.address}>"


def serve(
    page: Page | str,
    answers: Mapping[str, Callable[[Any], Any]],
    port: int = 0,
    open_browser: bool = False,
    *,
    framed: bool = False,
) -> Service:
    """Serve a page whose script asks functions of this program: ``channel.ask("/name", data)`` of the kit.

    Args:
        page: a `Page`, or the text of one.
        answers: {"/name": function}. Each gets what the page sent, any JSON of up to a mebibyte, and returns what is to
            go back: numbers, texts, lists, dicts, arrays; numbers that are not finite go as the texts "NaN", "inf",
            "-inf", which ``toNumber`` of the kit reads. It runs in a thread of its own, several at once: what it shares
            with the program wants a lock. It may wait for up to ten seconds. It raises `Refused` to say what is wrong
            with a question, which the page then gets as an Error; of other errors the terminal alone hears.
        port: 0 takes any free one.
        open_browser: open the page, too.
        framed: a notebook of this machine may show the page, as the `Service` does there by itself.

    Returns:
        A `Service`: its ``address``, and ``close()``.

    Raises:
        ValueError: a path that does not begin with "/", or is "/".
        OSError, OverflowError: the port is taken, or is no port.
    """
    for path in answers:
        if not path.startswith("/") or path == "/":
            raise ValueError(f'serve: a path begins with "/" and has a name, such as "/step"; got {path!r}')

    def asking(answer: Callable[[Any], Any]) -> Callable[[Handler], Any]:
        return lambda request: answer(request.json())

    text, height = (page.html, page.height) if isinstance(page, Page) else (page, HEIGHT)
    posts = {path: asking(answer) for path, answer in answers.items()}
    service = Service(LocalServer(text, posts, port, framed=framed), height)
    if open_browser:
        webbrowser.open(service.address)
    return service


def policy(page: str, *, framed: bool = False) -> str:
    """The Content-Security-Policy of a page: its own inline styles and scripts, by digest, and its own server."""

    def digests(tag: str) -> str:
        texts = re.findall(f"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        found = (base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in texts)
        return " ".join(f"'sha256-{digest}'" for digest in found) or "'none'"

    around = NOTEBOOKS if framed else "'none'"
    return (
        f"default-src 'none'; script-src {digests('script')}; style-src {digests('style')}; connect-src 'self'; "
        f"img-src data: blob:; base-uri 'none'; form-action 'none'; frame-ancestors {around}"
    )


def as_json(data: Any) -> bytes:
    """Data as JSON that every browser reads; TypeError for what is none."""
    return json.dumps(plain(data), allow_nan=False).encode()
