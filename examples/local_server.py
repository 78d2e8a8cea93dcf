"""A page of one's own machine: a small HTTP server for it, on the standard library, that trusts nobody.

`draw_digit.py` uses it. It listens on 127.0.0.1 alone, serves a handful of files and of functions, and answers no page
but its own. Whatever else comes gets a status 4xx and ``{"error": reason}``, within some seconds and a bounded amount
of memory, and the server goes on.

    page = {"/": (b"<!doctype html>...", "text/html")}
    posts = {"/double": lambda request: 2 * request.number("X-Number", 0, 100)}
    LocalServer(page, posts, port=8028).serve_forever()
"""

import json
import math
import socket
import sys
import time
import traceback
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SECURE = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


class Refused(Exception):
    """A request that gets no answer but a status and a reason."""

    def __init__(self, status, reason):
        super().__init__(reason)
        self.status = status


class LocalServer(ThreadingHTTPServer):
    """Serves ``page``, {path: (bytes, media type)}, and ``posts``, {path: function of the request that returns
    JSON-able data or raises Refused}; port 0 takes any free one. A thread for each connection."""

    daemon_threads = True
    patience = 10.0  # seconds for a request, all in all
    crowd = 100  # connections at once

    def __init__(self, page, posts, port=0):
        self.page, self.posts = page, posts
        self.ends = {}  # connection: when its time is up
        super().__init__(("127.0.0.1", port), Handler)

    def process_request(self, request, client_address):
        if len(self.ends) < self.crowd:
            self.ends[request] = time.monotonic() + self.patience
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def shutdown_request(self, request):
        self.ends.pop(request, None)
        super().shutdown_request(request)

    def service_actions(self):
        """Called twice a second: whoever sends too slowly is no longer listened to, and so comes to an end."""
        for request, end in self.ends.copy().items():
            if time.monotonic() > end:
                self.ends[request] = math.inf
                with suppress(OSError):  # it has gone already
                    request.shutdown(socket.SHUT_RD)

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], OSError):  # a client that went away is no error
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    """One request on each connection. Nothing that a client sends is ever used as the name of a file."""

    timeout = 2 * LocalServer.patience  # of a send; the server's patience ends reading before
    wbufsize = -1
    server_version, sys_version = "local", ""
    refused = False

    def answer(self):
        try:
            self.check_sender()
            page, post = self.server.page.get(self.path), self.server.posts.get(self.path)
            allowed = "GET" if page else "POST" if post else None
            if allowed is None:
                raise Refused(404, "there is no such page")
            if self.command != allowed:
                raise Refused(405, f"{self.path} takes {allowed} only")
            content, kind = page or (json.dumps(post(self)).encode(), "application/json")
            self.send(200, content, kind)
        except Refused as refusal:
            self.send_error(refusal.status, str(refusal))
        except OSError:
            raise
        except Exception:
            traceback.print_exc()  # in the terminal; the client learns nothing of it
            self.send_error(500, "the server made a mistake; its terminal says more")

    do_GET = do_POST = answer

    def check_sender(self):
        """A site whose name was bent to point here (DNS rebinding) is known by Host, a foreign page by Origin."""
        own = {f"{name}:{self.server.server_port}" for name in ("127.0.0.1", "localhost")}
        hosts, origins = self.headers.get_all("Host", []), self.headers.get_all("Origin", [])
        if len(hosts) != 1 or hosts[0].lower() not in own:
            raise Refused(403, "this server answers to 127.0.0.1 and localhost, with its port, alone")
        if any(origin.lower() not in {f"http://{name}" for name in own} for origin in origins):
            raise Refused(403, "this server answers its own page alone")

    def number(self, name, low, high):
        """The whole number in a header."""
        given = self.headers.get_all(name, [])
        if len(given) != 1 or not (given[0].isascii() and given[0].isdigit()):
            raise Refused(400, f"the header {name} must be there once and be a whole number, {low} to {high}")
        if len(given[0]) > 9 or not low <= int(given[0]) <= high:
            status = 413 if name == "Content-Length" else 400
            raise Refused(status, f"{name} must lie in {low}..{high}, got {given[0][:12]}")
        return int(given[0])

    def body(self, limit):
        """The bytes that were sent, no more than the limit; nothing is read before their number is known."""
        if self.headers.get("Content-Type") != "application/octet-stream":
            raise Refused(415, "send bytes, with Content-Type: application/octet-stream")
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

    def send(self, status, content, kind):
        self.request_version = "HTTP/1.0"  # or HTTP/0.9, which has no status, might be spoken
        self.send_response(status)
        for name, value in SECURE.items():
            self.send_header(name, value)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        if status == 405:
            self.send_header("Allow", "GET" if self.path in self.server.page else "POST")
        self.end_headers()
        self.wfile.write(content)

    def send_error(self, code, message=None, explain=None):  # noqa: ARG002
        """All errors, those of http.server included, as JSON; what a client did wrong is a 4xx."""
        self.refused = True
        status = HTTPStatus({501: 405, 505: 400}.get(code, code))  # unknown method, unknown HTTP
        self.send(status, json.dumps({"error": message or status.phrase}).encode(), "application/json")

    def finish(self):
        """To close while bytes lie unread would take the answer back (a TCP reset): read and forget, for a while."""
        super().finish()
        if self.refused:
            end = time.monotonic() + self.server.patience
            with suppress(OSError):
                self.connection.shutdown(socket.SHUT_WR)
                while self.connection.recv(1 << 16) and time.monotonic() < end:
                    continue

    def log_message(self, format, *args):
        """Nothing: a stroke makes dozens of requests."""
