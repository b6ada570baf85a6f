"""The HTTP server of the page: on this computer only, with a secret in the address."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import HTTPServer
from types import TracebackType
from typing import Any, Self

from roialign_cli.errors import ArgumentError
from roialign_cli.page.assets import page_assets
from roialign_cli.page.session import Session
from roialign_cli.page.state import State
from roialign_cli.serve.requests import Handler, Site

HOST = "127.0.0.1"
_MAX_STOP_SECONDS = 0.5  # to wait for answers that are being computed
_MAX_WAITING_CONNECTIONS = 256
_POLL_SECONDS = 0.05


class ExploreServer:
    """Serve a page and its numbers while a `with` block runs.

    Parameters
    ----------
    session
        The features, boxes and rules.
    start
        The state that the page begins with.
    port
        The port; 0 chooses a free one.

    Raises
    ------
    ArgumentError
        If the port cannot be used.
    """

    def __init__(self, session: Session, start: State, port: int = 0) -> None:
        self._token = secrets.token_urlsafe(24)
        try:
            self._server = _Server((HOST, port))
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            problem = f"cannot use port {port}: {reason}; choose another port, or leave it out"
            raise ArgumentError("port", problem) from None
        hosts = frozenset(f"{name}:{self.port}" for name in (HOST, "localhost"))
        self._server.site = Site(session, page_assets(session, start), self._token, hosts)
        self._thread = threading.Thread(
            target=self._server.serve_forever,
            args=(_POLL_SECONDS,),
            name=f"explore {self.port}",
            daemon=True,
        )

    @property
    def port(self) -> int:
        """The port that the server listens on."""
        return int(self._server.server_address[1])

    @property
    def address(self) -> str:
        """The address of the page."""
        return f"http://{HOST}:{self.port}/{self._token}/"

    @property
    def is_answering(self) -> bool:
        """Whether connections are open, or answers still being computed after the end."""
        return self._server.is_answering

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with _without_interrupts():  # which would leave sockets open
            self._server.shutdown()
            self._thread.join()
            self._server.close_all()

    def wait(self) -> None:
        """Wait until the process is interrupted."""
        while self._thread.is_alive():
            self._thread.join(1.0)  # without a limit, some systems would not interrupt the wait


class _Server(HTTPServer):
    """Answers each connection in a thread, and can close all of them."""

    # Other systems would let two servers share a port.
    allow_reuse_address = os.name == "posix"
    request_queue_size = _MAX_WAITING_CONNECTIONS

    site: Site

    def __init__(self, address: tuple[str, int]) -> None:
        self._open: dict[threading.Thread, socket.socket] = {}
        self._lock = threading.Lock()
        super().__init__(address, Handler)

    @property
    def is_answering(self) -> bool:
        """Whether a connection has a thread."""
        with self._lock:
            return bool(self._open)

    def server_bind(self) -> None:
        """Bind the socket, without asking for the name of this computer."""
        socketserver.TCPServer.server_bind(self)

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept a connection; without a free file descriptor, wait a little before the next try.

        The connection stays readable, so that the server would try again at once.
        """
        try:
            return super().get_request()
        except OSError:
            time.sleep(_POLL_SECONDS)
            raise

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401
        """Answer the requests of a connection in a thread."""
        thread = threading.Thread(
            target=self._answer,
            args=(request, client_address),
            name=f"explore {self.server_address[1]}",
            daemon=True,
        )
        with self._lock:
            self._open[thread] = request
        try:
            thread.start()
        except RuntimeError:  # there are too many threads
            with self._lock:
                del self._open[thread]
            raise

    def _answer(self, request: Any, client_address: Any) -> None:  # noqa: ANN401
        try:
            self.finish_request(request, client_address)
        except Exception:  # noqa: BLE001 - a failed connection must not print a traceback
            self.handle_error(request, client_address)
        finally:
            self.shutdown_request(request)
            with self._lock:
                del self._open[threading.current_thread()]

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401
        """Ignore a connection that failed: its reader has gone."""

    def close_all(self) -> None:
        """Close the port and all connections, and wait a little for their threads."""
        self.server_close()
        with self._lock:
            threads = dict(self._open)
            for connection in threads.values():
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        end = time.monotonic() + _MAX_STOP_SECONDS
        for thread in threads:
            thread.join(max(end - time.monotonic(), 0))


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """Ignore Ctrl-C while a block runs; in other threads than the main one, it has no effect."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
