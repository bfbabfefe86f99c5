"""A way to an MLflow server that is slow, or breaks after the server did what it was asked to do."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

PASSED_ON = ("content-type", "authorization", "accept")


class Link(ThreadingHTTPServer):
    """Passes requests on to `server`. every: after so many of them one loses its answer; 0: none does.

    passable: while it is not set, no request is answered. asked, lost: how many requests came, and how many
    answers were lost.
    """

    daemon_threads = True

    def __init__(self, server: str, every: int) -> None:
        super().__init__(("127.0.0.1", 0), Passing)
        self.server, self.every = urlsplit(server).netloc, every
        self.passable, self.counting = threading.Event(), threading.Lock()
        self.passable.set()
        self.asked = self.lost = 0

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def loses(self) -> bool:
        """Whether the answer to this request is lost."""
        with self.counting:
            self.asked += 1
            losing = self.every > 0 and self.asked % self.every == 0
            self.lost += losing
            return losing


class Passing(BaseHTTPRequestHandler):
    """One request and, unless it is lost, its answer."""

    server: Link

    def handle_one_request(self) -> None:
        self.raw_requestline = self.rfile.readline(65537)
        if self.raw_requestline and self.parse_request():
            self._pass_on()
        self.close_connection = True

    def _pass_on(self) -> None:
        self.server.passable.wait(60)
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {k: v for k, v in self.headers.items() if k.lower() in PASSED_ON}
        upstream = http.client.HTTPConnection(self.server.server, timeout=60)
        upstream.request(self.command, self.path, body, headers)
        answer = upstream.getresponse()
        content = answer.read()
        upstream.close()
        if self.server.loses():
            return  # the connection is closed without a word
        self.send_response(answer.status)
        self.send_header("content-type", answer.headers.get("content-type", "application/json"))
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        return


@contextmanager
def link(server: str, every: int = 0) -> Iterator[Link]:
    """A link to the server at this address, until the end of the block."""
    with Link(server, every) as made:
        thread = threading.Thread(target=made.serve_forever)
        thread.start()
        try:
            yield made
        finally:
            made.passable.set()
            made.shutdown()
            thread.join()
