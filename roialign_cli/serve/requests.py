"""Check the requests of a connection, and answer those of the page."""

from __future__ import annotations

import hmac
import io
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Any, Protocol, cast

from roialign_cli.page.assets import Asset
from roialign_cli.page.session import Session
from roialign_cli.serve.api import QUESTIONS, Reply, answer, failure

MAX_BODY_BYTES = 1 << 16
MAX_IDLE_SECONDS = 30.0  # between the requests of a connection
MAX_REQUEST_SECONDS = 10.0  # from the first line of a request to the end of its body
# How much of a refused body is read, so that the reply arrives.
_MAX_DISCARDED_BYTES = 1 << 20
_MAX_DISCARDING_SECONDS = 2.0

# The page loads its files from here only, and no other page may embed it.
_POLICY = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": _POLICY,
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True)
class Site:
    """What a server serves, and to which requests.

    Parameters
    ----------
    session
        The features, boxes and rules.
    assets
        The last part of an address → a function that returns the file there.
    token
        The secret that every address begins with.
    hosts
        The allowed values of the Host header.
    """

    session: Session
    assets: Mapping[str, Callable[[], Asset]]
    token: str
    hosts: frozenset[str]


class _Serves(Protocol):
    """A server with a site."""

    site: Site


class _Reader(io.RawIOBase):
    """Reads a socket until a deadline."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._deadline = 0.0

    def allow(self, seconds: float) -> None:
        """Set the deadline this many seconds from now."""
        self._deadline = time.monotonic() + seconds

    def readable(self) -> bool:
        """Return that bytes can be read."""
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401
        """Read what has arrived; raise a `TimeoutError` after the deadline."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._connection.settimeout(left)
        return self._connection.recv_into(buffer)


class _GoneError(TimeoutError):
    """The other side has closed the connection, or is too slow."""


class Handler(BaseHTTPRequestHandler):
    """Answers the requests of one connection."""

    protocol_version = "HTTP/1.1"
    # Otherwise the content would wait until the receipt of the headers is confirmed.
    wbufsize = -1
    disable_nagle_algorithm = True

    def setup(self) -> None:
        """Prepare the streams of the connection."""
        super().setup()
        self.rfile.close()
        self._reader = _Reader(self.connection)
        self.rfile = io.BufferedReader(self._reader)

    @property
    def _site(self) -> Site:
        return cast("_Serves", self.server).site

    def handle_one_request(self) -> None:
        """Wait for a request and answer it."""
        self._reader.allow(MAX_IDLE_SECONDS)
        super().handle_one_request()

    def parse_request(self) -> bool:
        """Read the headers, after the first line."""
        self._reader.allow(MAX_REQUEST_SECONDS)
        if not super().parse_request():
            return False
        if self.request_version == "HTTP/0.9":  # its answers have no headers
            self.send_error(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED)
            return False
        return True

    def do_GET(self) -> None:
        """Send the page or one of its files."""
        self._answer(self._get)

    def do_POST(self) -> None:
        """Answer a question."""
        self._answer(self._post)

    def _answer(self, respond: Callable[[str], Reply]) -> None:
        """Send the answer to an allowed request, or the reason why it is refused."""
        try:
            reply = self._refusal() or respond(self.path.removeprefix(f"/{self._site.token}/"))
        except _GoneError:
            raise
        except Exception as error:  # noqa: BLE001 - no failure may end the server
            problem = f"the server failed: {type(error).__name__}; report this as a bug"
            reply = failure(HTTPStatus.INTERNAL_SERVER_ERROR, problem)
        self._send(reply)

    def _refusal(self) -> Reply | None:
        """Return why a request is refused; None for a request of the page."""
        hosts = self.headers.get_all("Host", [])
        if len(hosts) != 1 or hosts[0] not in self._site.hosts:
            problem = "use the address that roialign printed"
            return failure(HTTPStatus.MISDIRECTED_REQUEST, f"unknown host; {problem}")
        start = f"/{self._site.token}/"
        given = self.path[: len(start)]
        if not hmac.compare_digest(given.encode(), start.encode()):
            return failure(HTTPStatus.NOT_FOUND, "not found; use the address that roialign printed")
        origins = self.headers.get_all("Origin", [])
        if any(origin != f"http://{hosts[0]}" for origin in origins):
            return failure(HTTPStatus.FORBIDDEN, "requests of other pages are refused")
        return None

    def _get(self, name: str) -> Reply:
        if self.headers.get("Content-Length", "0") != "0" or "Transfer-Encoding" in self.headers:
            self.close_connection = True  # the body is not read
        if name in self._site.assets:
            asset = self._site.assets[name]()
            return Reply(HTTPStatus.OK, asset.content, asset.media_type)
        if name.removeprefix("api/") in QUESTIONS and name.startswith("api/"):
            return failure(HTTPStatus.METHOD_NOT_ALLOWED, "use POST")
        return failure(HTTPStatus.NOT_FOUND, "not found; use the address that roialign printed")

    def _post(self, name: str) -> Reply:
        question = name.removeprefix("api/")
        if not name.startswith("api/") or question not in QUESTIONS:
            is_asset = name in self._site.assets
            status = HTTPStatus.METHOD_NOT_ALLOWED if is_asset else HTTPStatus.NOT_FOUND
            return failure(status, "use GET" if is_asset else "there is no such question")
        refused, length = self._body_length()
        if refused is not None:
            return refused
        try:
            body = self.rfile.read(length)
        except OSError as error:
            raise _GoneError from error
        if len(body) < length:
            raise _GoneError
        self._is_read = True
        return answer(self._site.session, question, body)

    def _body_length(self) -> tuple[Reply | None, int]:
        """Return why a body is refused, None if it is not, and its length in bytes."""
        lengths = self.headers.get_all("Content-Length", [])
        if not lengths or "Transfer-Encoding" in self.headers:
            return failure(HTTPStatus.LENGTH_REQUIRED, "Content-Length is missing"), 0
        if len(lengths) > 1 or not (lengths[0].isascii() and lengths[0].isdigit()):
            return failure(HTTPStatus.BAD_REQUEST, "Content-Length is not valid"), 0
        if len(lengths[0]) > 9 or int(lengths[0]) > MAX_BODY_BYTES:
            problem = f"the body is too long; use at most {MAX_BODY_BYTES} bytes"
            return failure(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, problem), 0
        if self.headers.get_content_type() != "application/json":
            problem = "the body must be application/json"
            return failure(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, problem), 0
        return None, int(lengths[0])

    _is_read = False

    def _send(self, reply: Reply) -> None:
        is_read, self._is_read = self._is_read, False
        if self.command == "POST" and not is_read:
            self.close_connection = True
        self.send_response_only(reply.status)
        headers = _HEADERS | {
            "Content-Type": reply.media_type,
            "Content-Length": str(len(reply.content)),
        }
        if reply.status == HTTPStatus.METHOD_NOT_ALLOWED:
            is_question = self.path.startswith(f"/{self._site.token}/api/")
            headers["Allow"] = "POST" if is_question else "GET"
        if self.close_connection:
            headers["Connection"] = "close"
        for name, value in headers.items():
            self.send_header(name, value)
        self.connection.settimeout(MAX_REQUEST_SECONDS)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.content)
        self.wfile.flush()
        if self.close_connection:
            self._discard()

    def _discard(self) -> None:
        """Read a little of an unread body; closing at once could destroy the reply."""
        self._reader.allow(_MAX_DISCARDING_SECONDS)
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_WR)
            left = _MAX_DISCARDED_BYTES
            while left > 0:
                left -= len(self.rfile.read1(1 << 16)) or left

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Send one line instead of a page for a request that cannot be read."""
        del message, explain
        self.close_connection = True
        status = HTTPStatus(code)
        if status is HTTPStatus.NOT_IMPLEMENTED:
            status = HTTPStatus.METHOD_NOT_ALLOWED
        self._send(failure(status, f"{status.phrase.lower()}; use GET or POST"))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002, ANN401
        """Log nothing: the terminal is the user's."""
