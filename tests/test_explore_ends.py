"""`roialign explore` ends completely when it is interrupted, whatever its connections do."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from roialign_cli.cli.demo import sample_data
from roialign_cli.serve import requests
from tests.explore_client import is_closed, served

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs the signals of POSIX")

CALL = [f"{sample_data()}/walkthrough.npy", "--image-size", "512x512", "--box", "296,320,200,145"]
MODULE = ["-m", "roialign_cli"]
LIMIT = 20  # seconds, for what takes less than one


@dataclass(frozen=True)
class Running:
    """A process of `roialign explore`, alone in its process group."""

    process: subprocess.Popen[str]
    address: str

    def connect(self) -> socket.socket:
        url = urlsplit(self.address)
        assert url.hostname is not None
        assert url.port is not None
        return socket.create_connection((url.hostname, url.port), LIMIT)

    @property
    def get(self) -> bytes:
        """The bytes of a request of the page."""
        url = urlsplit(self.address)
        return f"GET {url.path} HTTP/1.1\r\nHost: {url.netloc}\r\n\r\n".encode()

    def post(self, question: str) -> bytes:
        """Return the bytes of a question about the box of the call."""
        url = urlsplit(self.address)
        state = {"box": [296, 320, 200, 145], "preset": "walkthrough", "output_size": [3, 3]}
        body = json.dumps(state)
        head = (
            f"POST {url.path}api/{question} HTTP/1.1\r\nHost: {url.netloc}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return (head + body).encode()

    def check_interrupt(self) -> None:
        """Interrupt the process, and assert that it ends and leaves nothing."""
        self.process.send_signal(signal.SIGINT)
        printed, messages = self.process.communicate(timeout=LIMIT)
        assert (self.process.returncode, printed, messages) == (0, "", "stopped\n")
        with pytest.raises(ProcessLookupError):
            os.killpg(self.process.pid, 0)  # no process of the group is left
        with pytest.raises(ConnectionRefusedError):
            self.connect()


@contextmanager
def running(*words: str, program: Sequence[str] = MODULE) -> Iterator[Running]:
    """Start the command, and wait until it serves."""
    process = subprocess.Popen(
        [sys.executable, "-W", "error", *program, "explore", *CALL, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={k: v for k, v in os.environ.items() if k != "ROIALIGN_PRESET"} | {"BROWSER": "true"},
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        process.stdout.readline()
        address = process.stdout.readline().strip()
        assert process.stderr.readline() == "press Ctrl-C to stop\n"
        yield Running(process, address)
    finally:
        process.kill()
        process.communicate()


def answer(connection: socket.socket) -> bytes:
    """Return the content of the next answer of a connection."""
    response = http.client.HTTPResponse(connection)
    response.begin()
    assert response.status == 200
    return response.read()


def test_open_connections_do_not_keep_it_running() -> None:
    with running() as server, ExitStack() as stack:
        kept, half, silent = (stack.enter_context(server.connect()) for _ in range(3))
        kept.sendall(server.get)
        assert b"<!doctype html>" in answer(kept)
        half.sendall(server.post("trace")[:-20])
        server.check_interrupt()
        for connection in (kept, half, silent):
            assert is_closed(connection)


def test_a_picture_being_drawn_does_not_keep_it_running() -> None:
    with running("--no-browser") as server, server.connect() as waiting:
        waiting.sendall(server.post("picture"))
        server.check_interrupt()


# An answer that begins and never ends, and a line when Python ends its threads.
ENDLESS = """
import atexit, sys, time
from roialign_cli.cli.main import main
from roialign_cli.serve import api

def answer(*_):
    print("answering", file=sys.stderr, flush=True)
    time.sleep(1000)

atexit.register(print, "Python ended", file=sys.stderr)
api._RECORDS["trace"] = answer
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize("is_answering", [pytest.param(False, marks=pytest.mark.thorough), True])
def test_python_does_not_end_the_threads_of_answers(*, is_answering: bool) -> None:
    """Ending a thread in the C++ code of Matplotlib aborts the process."""
    with running("--no-browser", program=["-c", ENDLESS]) as server, ExitStack() as stack:
        if is_answering:
            stack.enter_context(server.connect()).sendall(server.post("trace"))
            assert server.process.stderr is not None
            assert server.process.stderr.readline() == "answering\n"
        server.process.send_signal(signal.SIGINT)
        _, messages = server.process.communicate(timeout=LIMIT)
        ending = "stopped\n" if is_answering else "stopped\nPython ended\n"
        assert (server.process.returncode, messages) == (0, ending)


def test_requests_while_it_is_stopped_are_answered_when_it_continues() -> None:
    with running("--no-browser") as server, server.connect() as kept, server.connect() as half:
        kept.sendall(server.get)
        page = answer(kept)
        half.sendall(server.get[:20])
        server.process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, server.process.pid, os.WSTOPPED)
        with server.connect() as late:  # the system accepts it
            for connection, sent in ((kept, server.get), (half, server.get[20:])):
                connection.sendall(sent)
            late.sendall(server.get)
            time.sleep(0.5)
            server.process.send_signal(signal.SIGCONT)
            for connection in (kept, half, late):
                assert answer(connection) == page
            server.check_interrupt()


def test_two_interrupts_print_no_traceback() -> None:
    for pause in (0, 0.05):
        with running("--no-browser") as server, server.connect() as half:
            half.sendall(b"GET")
            server.process.send_signal(signal.SIGINT)
            time.sleep(pause)
            server.process.send_signal(signal.SIGINT)
            _, messages = server.process.communicate(timeout=LIMIT)
            # The second one may come when Python itself is ending.
            assert server.process.returncode in {0, 130, -signal.SIGINT}
            assert messages in {"stopped\n", ""}


def test_the_terminal_is_as_it_was() -> None:
    import pty  # noqa: PLC0415 - POSIX only
    import termios  # noqa: PLC0415

    ours, theirs = pty.openpty()
    before = termios.tcgetattr(theirs)
    process = subprocess.Popen(
        [sys.executable, "-c", TERMINAL, *MODULE, "explore", *CALL, "--no-browser"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    try:
        shown = read_until(ours, b"press Ctrl-C to stop\r\n")
        assert re.search(rb"http://127\.0\.0\.1:\d+/[\w-]{32}/\r\n", shown)
        os.write(ours, b"\x03")
        ended = read_until(ours, b"stopped\r\n")
        # What is printed begins at the start of a line, after the ^C of the terminal.
        assert ended == b"^C\r\nstopped\r\n"
        assert process.wait(timeout=LIMIT) == 0
        assert termios.tcgetattr(theirs) == before
    finally:
        process.kill()
        process.wait()
        os.close(ours)
        os.close(theirs)


# The demo without the commands before the page.
DEMO = """
from roialign_cli.cli import demo, main
demo._COMMANDS = ()
main.main(["demo", "--force"])
"""


@pytest.mark.parametrize("answer", [b"y\n", b"n\n"])
def test_the_demo_offers_the_page_in_a_terminal(answer: bytes, tmp_path: Path) -> None:
    import pty  # noqa: PLC0415 - POSIX only

    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", TERMINAL, "-c", DEMO],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        cwd=tmp_path,
        env={key: value for key, value in os.environ.items() if "DISPLAY" not in key},
    )
    try:
        assert b"$ roialign explore " in read_until(ours, b"Open this page now? [y/N]: ")
        os.write(ours, answer)
        if answer == b"y\n":
            read_until(ours, b"press Ctrl-C to stop\r\n")
            os.write(ours, b"\x03")
        assert process.wait(timeout=LIMIT) == 0
    finally:
        process.kill()
        process.wait()
        os.close(ours)
        os.close(theirs)


# Run a command with standard input as the terminal that controls it.
TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""


def read_until(terminal: int, end: bytes) -> bytes:
    """Return what is written to a terminal, up to and with some bytes."""
    found = b""
    while not found.endswith(end):
        found += os.read(terminal, 1)
    return found


def until(condition: Callable[[], Any]) -> None:
    end = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_reader_that_has_vanished_keeps_no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """The network of a suspended computer closes no connection: nothing arrives any more."""
    monkeypatch.setattr(requests, "MAX_IDLE_SECONDS", 0.3)
    monkeypatch.setattr(requests, "MAX_REQUEST_SECONDS", 0.3)
    with served(*CALL) as client:
        server = client.server._server  # noqa: SLF001
        host, port = client.host.split(":")
        request = f"GET {client.path}page.css HTTP/1.1\r\nHost: {client.host}\r\n\r\n"
        with socket.socket() as vanished:
            vanished.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            vanished.connect((host, int(port)))
            vanished.sendall(request.encode() * 1000)  # their answers fill all buffers
            until(lambda: server._open)  # noqa: SLF001
            until(lambda: not server._open)  # noqa: SLF001
        assert client.ask("trace")["output_size"] == [3, 3]
