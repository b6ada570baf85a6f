"""The server of `roialign explore`: which requests it answers, and that it survives the others."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import HTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from roialign_cli import RoiAlignError
from roialign_cli.cli.demo import sample_data
from roialign_cli.page import pictures
from roialign_cli.page.state import MAX_COORDINATE, State, parse_state
from roialign_cli.serve import api, requests
from tests.explore_client import Client, is_closed, served

SAMPLES = sample_data()
CALL = [f"{SAMPLES}/walkthrough.npy", "--image-size", "512x512", "--box", "296,320,200,145"]

Capture = pytest.CaptureFixture[str]
Patch = pytest.MonkeyPatch


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with served(*CALL) as opened:
        yield opened


@pytest.fixture(autouse=True)
def _lives(client: Client, monkeypatch: Patch) -> Iterator[None]:
    """Ask for the numbers after every test: no request may end the server."""
    monkeypatch.delenv("ROIALIGN_PRESET", raising=False)
    yield
    assert client.ask("trace")["output"][0][0] == pytest.approx(0.51324, abs=1e-5)


def said(content: bytes) -> str:
    """Return the message of an error, which is one line."""
    error = json.loads(content)["error"]
    assert set(error) == {"argument", "message"}
    assert len(content.splitlines()) == 1
    message: str = error["message"]
    assert "Traceback" not in message
    return message


@pytest.mark.parametrize("path", ["/", "", "/wrong/", "/api/trace", "/favicon.ico", "/é/"])
def test_without_the_token_nothing_is_served(path: str, client: Client) -> None:
    wrong = [path.encode().decode("latin-1"), client.path.removesuffix("/"), client.path[:-2] + "/"]
    for target in filter(None, wrong):
        connection = http.client.HTTPConnection(client.host)
        connection.putrequest("GET", "/")
        connection.close()
        status, content, _ = raw(client, f"GET {target} HTTP/1.1\r\nHost: {client.host}\r\n\r\n")
        assert (status, said(content)) == (404, "not found; use the address that roialign printed")


def raw(client: Client, request: str) -> tuple[int, bytes, http.client.HTTPMessage]:
    """Send the bytes of a request, in Latin-1."""
    host, port = client.host.split(":")
    with socket.create_connection((host, int(port)), 10) as connection:
        connection.sendall(request.encode("latin-1"))
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        return answer.status, answer.read(), answer.headers


@pytest.mark.parametrize(
    "name",
    [
        "../", "../../etc/passwd", "..%2f..%2fetc/passwd", "%2e%2e/", "explore.py", "server.py",
        "./main.js", "/main.js", "main.js/", "main.js?x", "main.js\0", "api/",
        "api/../explore.js", "//etc/passwd", "image", "C:\\x", "~", "api/nothing",
    ],
)  # fmt: skip
def test_no_path_reaches_the_file_system(name: str, client: Client) -> None:
    for method in ("GET", "POST"):
        request = f"{method} {client.path}{name} HTTP/1.1\r\nHost: {client.host}\r\n"
        status, content, _ = raw(client, f"{request}Content-Length: 0\r\n\r\n")
        assert status == 404
        said(content)


@pytest.mark.parametrize(
    "hosts",
    [[], ["example.com"], ["127.0.0.1"], ["127.0.0.1:1"], ["{host}", "{host}"], ["{host}.evil"]],
)
def test_foreign_hosts_are_refused(hosts: list[str], client: Client) -> None:
    lines = "".join(f"Host: {host.format(host=client.host)}\r\n" for host in hosts)
    status, content, _ = raw(client, f"GET {client.path} HTTP/1.1\r\n{lines}\r\n")
    assert (status, said(content)) == (421, "unknown host; use the address that roialign printed")


def test_localhost_is_this_computer(client: Client) -> None:
    port = client.host.partition(":")[2]
    for host in (client.host, f"localhost:{port}"):
        status, _, _ = client.request("GET", client.path, headers={"Host": host})
        assert status == 200
        body = json.dumps(client.start).encode()
        own = {"Host": host, "Origin": f"http://{host}"}
        assert client.post("trace", body, **own)[0] == 200


@pytest.mark.parametrize(
    "origin", ["http://example.com", "null", "https://{host}", "http://127.0.0.1"]
)
def test_foreign_origins_are_refused(origin: str, client: Client) -> None:
    sent = {"Origin": origin.format(host=client.host)}
    status, content, _ = client.post("trace", json.dumps(client.start).encode(), **sent)
    assert (status, said(content)) == (403, "requests of other pages are refused")
    assert client.request("GET", client.path, headers=sent)[0] == 403


@pytest.mark.parametrize("method", ["HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "brew"])
def test_other_methods_are_refused(method: str, client: Client) -> None:
    for name in ("", "api/trace"):
        status, content, _ = client.request(method, client.path + name)
        assert status == 405
        assert content == b"" if method == "HEAD" else said(content)


def test_a_method_has_its_addresses(client: Client) -> None:
    status, content, headers = client.get("api/trace")
    assert (status, said(content), headers["Allow"]) == (405, "use POST", "POST")
    body = json.dumps(client.start).encode()
    sent = {"Content-Type": "application/json"}
    status, content, headers = client.request("POST", client.path, body, sent)
    assert (status, said(content), headers["Allow"]) == (405, "use GET", "GET")


def test_every_answer_has_the_headers_that_protect_it(client: Client) -> None:
    body = json.dumps(client.start).encode()
    for status, _, headers in (client.get(), client.get("no"), client.post("trace", body)):
        assert status in {200, 404}
        assert headers["Cache-Control"] == "no-store"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Content-Security-Policy"].startswith("default-src 'self';")
        assert "Server" not in headers


def posted(client: Client, headers: str, body: str = "") -> tuple[int, str]:
    start = f"POST {client.path}api/trace HTTP/1.1\r\nHost: {client.host}\r\n"
    status, content, _ = raw(client, f"{start}{headers}\r\n{body}")
    return status, said(content)


def test_a_body_has_a_length_and_a_type(client: Client) -> None:
    kind = "Content-Type: application/json\r\n"
    assert posted(client, kind) == (411, "Content-Length is missing")
    chunked = "Transfer-Encoding: chunked\r\n"
    assert posted(client, kind + chunked, "0\r\n\r\n")[0] == 411
    for length in ("-1", "+2", "0x2", "2 2", "1_0", "²", ""):
        assert posted(client, f"{kind}Content-Length: {length}\r\n", "{}")[0] == 400
    twice = "Content-Length: 2\r\n" * 2
    assert posted(client, kind + twice, "{}")[0] == 400
    assert posted(client, f"{kind}Content-Length: {'9' * 5000}\r\n", "{}")[0] == 413
    for other in ("", "Content-Type: text/plain\r\n", "Content-Type: multipart/form-data\r\n"):
        assert posted(client, f"{other}Content-Length: 2\r\n", "{}")[0] == 415


def test_a_long_body_is_refused(client: Client) -> None:
    status, content, _ = client.post("trace", b" " * (requests.MAX_BODY_BYTES + 1))
    assert (status, said(content)) == (413, "the body is too long; use at most 65536 bytes")
    state = json.dumps(client.start).encode()
    assert client.post("trace", state.ljust(requests.MAX_BODY_BYTES))[0] == 200


@pytest.mark.parametrize(
    "request_line",
    ["", "GET", "GET / HTTP/9", "GET / HTTP/2.0", "a b c d", "\0", "GET /" + "x" * 70_000],
)
def test_what_is_no_request_is_refused(request_line: str, client: Client) -> None:
    host, port = client.host.split(":")
    with socket.create_connection((host, int(port)), 10) as connection:
        connection.sendall(f"{request_line}\r\n\r\n".encode())
        connection.shutdown(socket.SHUT_WR)
        received = b""
        while part := connection.recv(1 << 16):
            received += part
    assert b"Traceback" not in received
    assert not received or b"use " in received.splitlines()[-1]


def test_an_old_version_of_http_has_no_headers_and_is_refused(client: Client) -> None:
    host, port = client.host.split(":")
    with socket.create_connection((host, int(port)), 10) as connection:
        connection.sendall(f"GET {client.path}\r\nHost: {client.host}\r\n\r\n".encode())
        assert said(connection.makefile("rb").read()).endswith("use GET or POST")


def test_too_many_headers_are_refused(client: Client) -> None:
    many = "".join(f"X-{n}: 1\r\n" for n in range(200))
    assert raw(client, f"GET / HTTP/1.1\r\n{many}\r\n")[0] == 431
    assert raw(client, f"GET / HTTP/1.1\r\nX: {'x' * 70_000}\r\n\r\n")[0] == 431


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"\xff", b"{}x", b"[" * 60_000, b'{"box": NaN}', b'{"box": [Infinity]}', b"nul",
        b'{"roi": 0, "roi": 1}', b'{"roi": %s}' % (b"9" * 9000), "{}".encode("utf-16") + b"\0",
    ],
)  # fmt: skip
def test_malformed_json_is_refused(body: bytes, client: Client) -> None:
    for question in api.QUESTIONS:
        status, content, _ = client.post(question, body)
        assert (status, said(content)[:26]) == (400, "the body is not valid JSON")


# Changes of the state → the field at fault and the beginning of the message.
WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"colour": 1}, "colour", "is not a field of the state; use box, preset"),
    ({"x" * 5000: 1}, "x" * 40, "is not a field of the state"),
    ({"preset": "detectron"}, "preset", "'detectron' is not a preset; did you mean"),
    ({"preset": None}, "preset", "must be text, got None"),
    ({"preset": ["mmcv"]}, "preset", "must be text"),
    ({"preset": "x" * 60_000}, "preset", "'xxx"),
    ({"other": "detectron"}, "other", "'detectron' is not a preset; did you mean"),
    ({"other": 3}, "other", "must be text, got 3"),
    ({"box": None}, "box", "give either box or corners"),
    ({"corners": [1, 2, 3, 4]}, "box", "give either box or corners"),
    ({"box": [1, 2, 3]}, "box", "must be four numbers"),
    ({"box": [1, 2, 3, "4"]}, "box", "must be four numbers"),
    ({"box": [1, 2, 3, True]}, "box", "must be four numbers"),
    ({"box": "1234"}, "box", "must be four numbers"),
    ({"box": [1, 2, 3, 2e9]}, "box", "must be numbers from -1e+09 to 1e+09"),
    ({"box": [1, 2, 3, -(10**400)]}, "box", "must be numbers from"),
    ({"box": [1, 2, 3, 0]}, "box", "box 0 has no area on the feature map"),
    ({"box": [0, 0, 1e9, 1e9], "preset": "mmcv"}, "box", "box 0 needs"),
    ({"output_size": [10**9, 10**9]}, "output_size", "must be a whole number from 1 to 5000"),
    ({"output_size": [71, 71]}, "output_size", "71 × 71 sections are too many for a page"),
    ({"output_size": [0, 1]}, "output_size", "must be a whole number"),
    ({"output_size": 7}, "output_size", "must be two whole numbers"),
    ({"output_size": [1.5, 2]}, "output_size", "must be a whole number"),
    ({"output_size": [2, True]}, "output_size", "must be a whole number"),
    ({"sampling_ratio": 10**9, "preset": "mmcv"}, "sampling_ratio", "must be a whole number"),
    ({"sampling_ratio": 1000, "preset": "mmcv"}, "sampling_ratio", "box 0 has 9e+06 sample points"),
    ({"sampling_ratio": -1}, "sampling_ratio", "must be a whole number"),
    ({"pooling": "sum"}, "pooling", "'sum' is not valid; choose avg or max"),
    ({"pooling": 1}, "pooling", "1 is not valid"),
    ({"channel": 1}, "channel", "1 is out of range: there is 1 channel"),
    ({"channel": "median"}, "channel", "'median' is not valid; choose mean, max or norm"),
    ({"channel": None}, "channel", "must be a whole number"),
    ({"batch_index": 1}, "batch_index", "1 is out of range: there is 1 map"),
    ({"batch_index": None}, "batch_index", "must be a whole number"),
    ({"roi": -1}, "roi", "must be a whole number"),
    ({"roi": "0"}, "roi", "must be a whole number"),
    ({"roi": 5}, "roi", "5 is out of range: there is 1 box"),
    ({"section": [4, 1]}, "section", "there is no section (4, 1); sections run from"),
    ({"section": [0, 1]}, "section", "must be a whole number"),
    ({"section": 3}, "section", "must be two whole numbers"),
    ({"section": [1, 1], "point": [9, 9]}, "point", "there is no point (9, 9); points run from"),
    ({"point": [1, 10**12]}, "point", "must be a whole number"),
]


@pytest.mark.parametrize(("changes", "argument", "message"), WRONG)
def test_a_wrong_state_is_refused(
    changes: dict[str, Any], argument: str, message: str, client: Client
) -> None:
    for question in ("trace", "point", "commands"):
        status, field, problem = client.refused(question, **changes)
        assert (status, field, problem[: len(message)]) == (422, argument, message)


def test_a_number_beyond_all_floats_is_refused(client: Client) -> None:
    body = json.dumps(client.start).replace("296.0", "1e999").encode()
    status, content, _ = client.post("trace", body)
    assert (status, said(content)[:17]) == (422, "must be numbers f")


@pytest.mark.parametrize("record", [[], 1, None, "state", {}, {"preset": "mmcv"}])
def test_a_state_is_an_object_with_all_that_is_needed(record: object, client: Client) -> None:
    assert client.post("trace", json.dumps(record).encode())[0] == 422
    with pytest.raises(RoiAlignError):
        parse_state(record)


def test_a_state_has_defaults() -> None:
    state = parse_state(
        {"preset": "mmcv", "output_size": [2, 3], "box": [0, 1, 2.5, MAX_COORDINATE]}
    )
    assert state == State((0.0, 1.0, 2.5, MAX_COORDINATE), "mmcv", (2, 3))
    assert parse_state(json.loads(json.dumps(state.record()))) == state


def test_a_failure_of_the_program_is_one_line(
    client: Client, monkeypatch: Patch, capfd: Capture
) -> None:
    def fail(*_: object) -> dict[str, Any]:
        raise ZeroDivisionError("a secret")

    def fill(*_: object) -> dict[str, Any]:
        raise MemoryError

    for broken, problem in (
        (fail, "the server failed: ZeroDivisionError"),
        (fill, "out of memory"),
    ):
        with monkeypatch.context() as patch:
            patch.setitem(api._RECORDS, "trace", broken)  # noqa: SLF001
            status, content, _ = client.post("trace", json.dumps(client.start).encode())
        assert (status, said(content)[: len(problem)]) == (500, problem)
        assert "secret" not in content.decode()
    assert capfd.readouterr() == ("", "")


def test_slow_clients_are_disconnected(client: Client, monkeypatch: Patch) -> None:
    monkeypatch.setattr(requests, "MAX_IDLE_SECONDS", 0.3)
    monkeypatch.setattr(requests, "MAX_REQUEST_SECONDS", 0.3)
    head = f"POST {client.path}api/trace HTTP/1.1\r\nHost: {client.host}\r\n"
    kind = "Content-Type: application/json\r\nContent-Length: 9\r\n\r\n"
    host, port = client.host.split(":")
    for sent in ("", "GET", head, head + kind, head + kind + "{}"):
        began = time.monotonic()
        with socket.create_connection((host, int(port)), 10) as connection:
            connection.sendall(sent.encode())
            assert is_closed(connection)
        assert time.monotonic() - began < 5


def test_a_slow_body_does_not_extend_the_time(client: Client, monkeypatch: Patch) -> None:
    monkeypatch.setattr(requests, "MAX_REQUEST_SECONDS", 0.5)
    head = f"POST {client.path}api/trace HTTP/1.1\r\nHost: {client.host}\r\n"
    kind = "Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n"
    host, port = client.host.split(":")
    with socket.create_connection((host, int(port)), 10) as connection:
        connection.sendall((head + kind).encode())
        with pytest.raises(OSError):  # noqa: PT011 - broken or reset, as the system has it
            drip(connection)


def drip(connection: socket.socket) -> None:
    for _ in range(100):
        connection.sendall(b" ")
        time.sleep(0.05)


def test_clients_that_go_leave_no_message(client: Client, capfd: Capture) -> None:
    body = json.dumps(client.start)
    head = (
        f"POST {client.path}api/trace HTTP/1.1\r\nHost: {client.host}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    host, port = client.host.split(":")
    for sent in ("GET /", head, head + body[:20], head + body):
        with socket.create_connection((host, int(port)), 10) as connection:
            linger = b"\1\0\0\0\0\0\0\0"  # closing resets the connection
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            connection.sendall(sent.encode())
    time.sleep(0.2)
    assert capfd.readouterr() == ("", "")


def threads_of(port: int) -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == f"explore {port}"]


def test_many_requests_at_once_are_answered_and_leave_no_thread() -> None:
    with served(*CALL) as client:
        port = client.server.port
        assert len(threads_of(port)) == 1
        boxes = [[200 + n % 50, 400, 100 + n % 7, 145] for n in range(50)]
        expected = [client.ask("trace", box=box, roi=None)["output"] for box in boxes]

        def ask(n: int) -> bool:
            output = client.ask("trace", box=boxes[n % 50], roi=None)["output"]
            return bool(output == expected[n % 50])

        with ThreadPoolExecutor(200) as pool:
            assert all(pool.map(ask, range(200)))
    assert threads_of(port) == []


def test_without_file_descriptors_the_server_waits(monkeypatch: Patch) -> None:
    failures = []

    def fails(_: object) -> None:
        failures.append(time.monotonic())
        raise OSError(24, "Too many open files")

    with served(*CALL) as own, monkeypatch.context() as patched:
        patched.setattr(HTTPServer, "get_request", fails)
        host, port = own.host.split(":")
        with socket.create_connection((host, int(port))):
            time.sleep(0.3)
    assert 1 <= len(failures) <= 8


def test_a_connection_has_many_requests(client: Client) -> None:
    connection = http.client.HTTPConnection(client.host)
    body = json.dumps(client.start)
    sent = {"Content-Type": "application/json"}
    for _ in range(5):
        connection.request("POST", f"{client.path}api/trace", body, sent)
        answer = connection.getresponse()
        assert (answer.status, answer.will_close) == (200, False)
        answer.read()
        connection.request("POST", f"{client.path}api/trace", "{}", sent)
        assert connection.getresponse().read().startswith(b'{"error"')
    connection.close()


def test_it_stops_within_a_second_and_frees_the_port() -> None:
    with served(*CALL) as client:
        port = client.server.port
        kept = http.client.HTTPConnection(client.host)
        kept.request("GET", client.path)
        kept.getresponse().read()
        idle = socket.create_connection(("127.0.0.1", port), 10)
        idle.sendall(b"GET / HT")
        while len(threads_of(port)) < 3:
            time.sleep(0.01)
        began = time.monotonic()
    assert time.monotonic() - began < 1
    assert is_closed(idle)
    assert threads_of(port) == []
    with pytest.raises(OSError):  # noqa: PT011 - refused, or reset
        client.get()
    kept.close()
    idle.close()
    with socket.create_server(("127.0.0.1", port)):
        pass


def test_a_large_photograph_is_reduced() -> None:
    content, media_type = pictures.photograph(np.zeros((3000, 2500, 3), np.uint8))
    assert media_type == "image/jpeg"
    assert len(content) < 100_000


@pytest.mark.parametrize("question", api.QUESTIONS)
def test_every_question_is_answered(question: str, client: Client, tmp_path: Path) -> None:
    status, content, headers = client.post(question, json.dumps(client.start).encode())
    assert (status, len(content)) == (200, int(headers["Content-Length"]))
    kinds = {
        "picture": "image/png", "page": "text/html", "array": "application/octet-stream",
    }  # fmt: skip
    assert headers.get_content_type() == kinds.get(question, "application/json")
    assert list(tmp_path.iterdir()) == []
