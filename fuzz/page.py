"""What is fuzzed of the server of `roialign explore`: the states it is asked, and its requests."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from roialign_cli.page.assets import page_assets
from roialign_cli.page.session import Session
from roialign_cli.page.state import State
from roialign_cli.serve.api import answer
from roialign_cli.serve.requests import Handler, Site
from tests.explore_client import begun

# The other questions draw a figure, which takes a hundred times as long.
_QUESTIONS = ("trace", "point", "value", "map", "channels", "commands", "array")
# Bytes that begin a state in which one field is replaced, and that field.
_FIELDS = {b"0": "box", b"1": "corners", b"2": "preset", b"3": "output_size", b"4": "roi"} | {
    b"5": "batch_index", b"6": "pooling", b"7": "sampling_ratio", b"8": "sampling_ratio_x",
    b"9": "channel", b"a": "other", b"b": "section", b"c": "point", b"d": "position",
    b"e": "edits",
}  # fmt: skip
_TOKEN, _HOST = "token", "localhost:1"


def explore(data: bytes, folder: Path) -> None:
    """Ask the page a question.

    The first byte chooses the question. The second chooses a field of the state that the others
    replace, or they are the whole body.
    """
    session, start = _page(folder)
    question, field, body = data[:1], _FIELDS.get(data[1:2]), data[2:]
    if field is not None:
        other = {name: value for name, value in start.items() if name != field}
        if field == "corners":
            other["box"] = None
        body = json.dumps(other)[:-1].encode() + b', "' + field.encode() + b'": ' + body + b"}"
    reply = answer(session, _QUESTIONS[(question or b"0")[0] % len(_QUESTIONS)], body)
    assert reply.status in {200, 400, 422}, reply
    if reply.media_type.startswith("application/json"):
        record = json.loads(reply.content)
        assert ("error" in record) == (reply.status != 200)
        assert "error" not in record or len(record["error"]["message"].splitlines()) == 1


def requests(data: bytes, folder: Path) -> None:
    """Send bytes to the server as the requests of a connection."""
    session, _ = _page(folder)
    sent = io.BytesIO()
    connection = _Connection(data, sent)
    site = Site(session, _assets(folder), _TOKEN, frozenset({_HOST}))
    with contextlib.suppress(TimeoutError):
        Handler(connection, ("127.0.0.1", 2), SimpleNamespace(site=site))  # type: ignore[arg-type]
    answered = sent.getvalue()
    assert answered == b"" or answered.startswith((b"HTTP/1.1 ", b"{"))
    assert b"report this as a bug" not in answered


class _Connection:
    """A socket whose other side has sent everything and closed."""

    def __init__(self, data: bytes, sent: io.BytesIO) -> None:
        self._data = io.BytesIO(data)
        self._sent = sent

    def recv_into(self, buffer: bytearray) -> int:
        return self._data.readinto(buffer)

    def makefile(self, mode: str, *_: object) -> io.IOBase:
        return io.BytesIO() if mode == "rb" else _KeptOpen(self._sent)

    def sendall(self, content: bytes) -> None:
        self._sent.write(content)

    def settimeout(self, _seconds: float) -> None:
        """Do nothing: no byte is waited for."""

    setsockopt = shutdown = lambda *_: None


class _KeptOpen(io.RawIOBase):
    """A stream whose bytes can be read after it was closed."""

    def __init__(self, sent: io.BytesIO) -> None:
        self._sent = sent

    def writable(self) -> bool:
        return True

    def write(self, content: Any) -> int:  # noqa: ANN401
        return self._sent.write(content)


@cache
def _page(folder: Path) -> tuple[Session, Mapping[str, Any]]:
    """Return what a page of a small map serves, and the state it begins with."""
    path = folder / "map.npy"
    np.save(path, np.arange(96, dtype=np.float32).reshape(2, 6, 8))
    session, start = begun(str(path), "--box", "1,1,5,4", "--preset", "torchvision")
    return session, json.loads(json.dumps(start.record()))


@cache
def _assets(folder: Path) -> Mapping[str, Any]:
    session, start = _page(folder)
    return page_assets(session, State(**start))
