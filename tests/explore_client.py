"""A server of `roialign explore` in this process, and a client that asks it."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import Any
from urllib.parse import urlsplit

from roialign_cli.cli.call_input import with_call, with_stated_parameters
from roialign_cli.cli.explore import begin, explore
from roialign_cli.cli.main import group
from roialign_cli.cli.options import OperatorOptions, Selection
from roialign_cli.page.session import Session
from roialign_cli.page.state import State
from roialign_cli.serve.server import ExploreServer


@dataclass(frozen=True)
class Client:
    """Asks a running server; `start` is the state that its page begins with."""

    server: ExploreServer
    start: Mapping[str, Any]

    @property
    def host(self) -> str:
        return urlsplit(self.server.address).netloc

    @property
    def path(self) -> str:
        return urlsplit(self.server.address).path

    def request(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, bytes, http.client.HTTPMessage]:
        """Return the status, the content and the headers of an answer."""
        connection = http.client.HTTPConnection(self.host, timeout=30)
        try:
            connection.request(method, path, body, dict(headers or {}))
            answer = connection.getresponse()
            return answer.status, answer.read(), answer.headers
        finally:
            connection.close()

    def get(self, name: str = "") -> tuple[int, bytes, http.client.HTTPMessage]:
        return self.request("GET", self.path + name)

    def post(
        self, question: str, body: bytes, **headers: str
    ) -> tuple[int, bytes, http.client.HTTPMessage]:
        sent = {"Content-Type": "application/json"} | headers
        return self.request("POST", f"{self.path}api/{question}", body, sent)

    def raw(self, question: str, **changes: Any) -> bytes:
        """Return the content of the answer for a state; `changes` replace fields of the start."""
        state = {**self.start, **changes}
        status, content, _ = self.post(question, json.dumps(state).encode())
        assert status == 200, content
        return content

    def ask(self, question: str, **changes: Any) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self.raw(question, **changes))
        return answer

    def refused(self, question: str, **changes: Any) -> tuple[int, str, str]:
        """Return the status, the argument and the message of an error."""
        status, content, _ = self.post(question, json.dumps({**self.start, **changes}).encode())
        error = json.loads(content)["error"]
        assert len(error["message"].splitlines()) == 1
        return status, error["argument"], error["message"]


def begun(*words: str) -> tuple[Session, State]:
    """Return the session and the first state of a page for the words after `roialign explore`."""
    program = group.make_context("roialign", [], resilient_parsing=True)
    context = explore.make_context("explore", list(words), program)
    params = context.params
    given: dict[str, Any] = {"call": None, **params, "features": params["maps"][0]}
    options, selection = (
        kind(**{field.name: given[field.name] for field in fields(kind)})
        for kind in (OperatorOptions, Selection)
    )
    assert isinstance(options, OperatorOptions)
    assert isinstance(selection, Selection)
    with context.scope():
        options = with_stated_parameters(with_call(options, needs_rule=True))
    _, session, start = begin(options, selection)
    return session, start


@contextmanager
def served(*words: str) -> Iterator[Client]:
    """Serve a page for the words after `roialign explore`."""
    session, start = begun(*words)
    with ExploreServer(session, start) as server:
        yield Client(server, json.loads(json.dumps(start.record())))


def is_closed(connection: socket.socket) -> bool:
    """Return whether the server has closed a connection, which resets one with unread bytes."""
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True
