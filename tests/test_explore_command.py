"""`roialign explore` as a user runs it: what it prints, how it ends, and its errors."""

from __future__ import annotations

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import urllib.request

import pytest

from roialign_cli.cli.demo import sample_data
from roialign_cli.cli.main import main
from tests.test_help import EXAMPLES, example_files

SAMPLES = sample_data()
CALL = [f"{SAMPLES}/walkthrough.npy", "--image-size", "512x512", "--box", "296,320,200,145"]

Capture = pytest.CaptureFixture[str]
Patch = pytest.MonkeyPatch

__all__ = ["example_files"]  # a fixture


@pytest.fixture(autouse=True)
def _no_preset(monkeypatch: Patch) -> None:
    monkeypatch.delenv("ROIALIGN_PRESET", raising=False)


@pytest.fixture
def _interrupted(monkeypatch: Patch) -> None:
    """Interrupt the command when the server has started."""

    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("roialign_cli.serve.server.ExploreServer.wait", interrupt)


_EXAMPLES = [example for example in EXAMPLES if example.startswith("roialign explore")]
# Each is a process; the first one runs by default.
EXAMPLES_TO_SERVE = [
    _EXAMPLES[0],
    *(pytest.param(example, marks=pytest.mark.thorough) for example in _EXAMPLES[1:]),
]


@pytest.mark.usefixtures("example_files")
@pytest.mark.parametrize("example", EXAMPLES_TO_SERVE)
def test_the_command_serves_until_it_is_interrupted(example: str) -> None:
    words = shlex.split(example)[1:]
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "roialign_cli", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"BROWSER": "true"},
    )
    assert process.stdout is not None
    subject, address = process.stdout.readline(), process.stdout.readline().strip()
    assert subject.startswith(words[1])
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/[\w-]{32}/", address)
    with urllib.request.urlopen(address, timeout=20) as page:  # noqa: S310 - our own address
        assert b"<!doctype html>" in page.read()
    # The last line of the start; an interrupt before it may prevent it.
    assert process.stderr is not None
    assert process.stderr.readline() == "press Ctrl-C to stop\n"
    process.send_signal(signal.SIGINT)
    _, messages = process.communicate(timeout=20)
    assert process.returncode == 0
    assert messages == "stopped\n"


@pytest.mark.usefixtures("_interrupted")
def test_the_command_prints_the_default_box(capfd: Capture) -> None:
    calls = {
        "walkthrough.npy": "4,12,8,8",
        "walkthrough.npy --image-size 512x512": "128,384,256,256",
        "walkthrough.npy --preset tensorflow": "0.25,0.25,0.75,0.75",
        "astronaut.png --stride 32": "128,128,384,384",
    }
    for call, box in calls.items():
        assert main(["explore", *f"{SAMPLES}/{call}".split(), "--no-browser"]) == 0
        printed = capfd.readouterr()
        assert printed.err.splitlines() == [
            f"note: the page begins with --box {box}; choose boxes with --box or --boxes",
            "press Ctrl-C to stop",
            "stopped",
        ]
        assert len(printed.out.splitlines()) == 2


@pytest.mark.usefixtures("_interrupted")
def test_without_a_browser_there_is_a_note(monkeypatch: Patch, capfd: Capture) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    assert main(["explore", *CALL]) == 0
    note = "note: no browser could be started; open the address yourself"
    assert note in capfd.readouterr().err.splitlines()
    opened: list[str] = []

    def record(address: str) -> bool:
        opened.append(address)
        return True

    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr("webbrowser.open", record)
    assert main(["explore", *CALL]) == 0
    assert opened == [capfd.readouterr().out.splitlines()[1]]
    assert main(["explore", *CALL, "--no-browser"]) == 0
    assert len(opened) == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--port 0", "Invalid value for '--port': 0 is not in the range 1<=x<=65535."),
        (
            "--output-size 71",
            "--output-size: 71 × 71 sections are too many for a page; use at most 5000",
        ),
        ("--roi 3", "--roi: 3 is out of range: there is 1 box (index 0)"),
        (
            "--section 4,1",
            "--section: there is no section (4, 1); sections run from (1, 1) to (3, 3)",
        ),
        ("--channel 2", "--channel: 2 is out of range: there is 1 channel (index 0)"),
    ],
)
def test_errors_are_one_line(words: str, message: str, capfd: Capture) -> None:
    assert main(["explore", *CALL, *words.split(), "--no-browser"]) == 2
    assert capfd.readouterr() == ("", f"roialign: {message}\n")


def test_a_port_in_use_is_an_error(capfd: Capture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as used:
        port = used.getsockname()[1]
        assert main(["explore", *CALL, "--port", str(port), "--no-browser"]) == 2
    problem = "Address already in use; choose another port, or leave it out"
    assert capfd.readouterr() == ("", f"roialign: --port: cannot use port {port}: {problem}\n")
