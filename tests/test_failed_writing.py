"""Whichever step of writing fails, each file is the old or the new one, and nothing is left."""

from __future__ import annotations

import os
import resource
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from roialign_cli import Call
from roialign_cli.calls.recording import new_recording
from roialign_cli.cli.main import main
from roialign_cli.errors import FileError

Contents = dict[str, bytes]
MAP = "map.npy --box 1,1,2,2 --preset mmcv -q"
COMMANDS = {
    "call": "capture --from-arrays --features map.npy --box 1,1,2,2 --output-size 2 -o out.npz",
    "calls of a probe": "probe --write out",
    "tests of a preset": "probe --preset tensorrt --save-tests out.py",
    "page": f"explain {MAP} -o out.html",
    "animation": f"plot {MAP} -o out.gif --dpi 30 --output-size 2",
    "frames": f"plot {MAP} -o out.png --frames --dpi 30 --output-size 2",
    "comparison": f"compare {MAP} --with torchvision --plot out.png",
}
SLOW = {"calls of a probe", "tests of a preset", "page", "animation", "frames", "comparison"}
DRAWN = {"animation", "frames", "comparison"}  # which takes long
# What writes, renames and makes files.
STEPS: list[tuple[Any, str]] = [
    (Path, "open"), (Path, "mkdir"), (Path, "rename"), (Path, "replace"), (os, "link"),
    (Path, "write_text"), (Path, "write_bytes"),
]  # fmt: skip
FAILURES: dict[str, BaseException | type[BaseException]] = {
    "full": OSError(28, "No space left on device"),
    "interrupt": KeyboardInterrupt,
}


def record() -> int:
    """Write a recording of two calls; return the exit status of a command that does."""
    calls = [
        Call(features=np.eye(4), boxes=np.array([[0.0, 0, n, 4]]), output_size=2) for n in (2, 3)
    ]
    try:
        with new_recording(Path("out"), force=True) as writer:
            for call in calls:
                writer.add(call)
    except FileError:
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


WRITERS: dict[str, Callable[[], int]] = {"recording": record} | {
    name: lambda words=words: main([*words.split(), "--force"]) for name, words in COMMANDS.items()
}
CASES = [pytest.param(name, marks=pytest.mark.thorough if name in SLOW else ()) for name in WRITERS]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    np.save("map.npy", np.eye(4, dtype=np.float32))
    return tmp_path


def contents(folder: Path) -> Contents:
    """Return the content of each file, by its path in a folder."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


class Injector:
    """Lets the step with a number fail, before it is taken or right after it; 0 lets none fail."""

    def __init__(self, number: int, failure: str, *, after: bool) -> None:
        self.number, self.failure, self.after = number, failure, after
        self.taken = 0

    def step(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def replaced(*arguments: Any, **options: Any) -> Any:
            if original.__name__ == "open" and "r" in (*arguments, "r")[1]:
                return original(*arguments, **options)
            self.taken += 1
            if self.taken != self.number:
                return original(*arguments, **options)
            if self.after:
                made = original(*arguments, **options)
                getattr(made, "close", int)()
            raise FAILURES[self.failure]

        return replaced


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """Let files grow to a number of bytes, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def with_other_files(name: str, folder: Path) -> tuple[Contents, Contents]:
    """Write, change every file that was written, and return the old and the new contents."""
    assert WRITERS[name]() == 0
    new = contents(folder)
    for file in new:
        # A folder is only replaced if it has a manifest or calls.
        if file != "map.npy" and not file.startswith("out/"):
            (folder / file).write_bytes(b"before")
    if name == "recording":
        (folder / "out" / "call-0001.npz").unlink()
    if name == "calls of a probe":
        (folder / "out" / "outputs" / "000.npy").write_bytes(b"before")
    return contents(folder), new


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize(
    ("failure", "after"), [("full", False), ("interrupt", False), ("interrupt", True)]
)
def test_a_failure_at_any_step(
    name: str, failure: str, folder: Path, monkeypatch: pytest.MonkeyPatch, *, after: bool
) -> None:
    old, new = with_other_files(name, folder)
    total = injected(name, Injector(0, failure, after=after), monkeypatch)[1]
    # The first and the last steps make and rename files; those between them are alike.
    ends = 2 if name in DRAWN else 8
    for number in range(1, total + 1):
        if number <= ends or number > total - ends or number % 25 == 9:
            status, _ = injected(name, Injector(number, failure, after=after), monkeypatch)
            found = contents(folder)
            assert status == (130 if failure == "interrupt" else 2) or found == new, number
            assert found.keys() in (old.keys(), new.keys()), number
            assert all(found[file] in (old.get(file), new.get(file)) for file in found), number
            if found != old:
                assert with_other_files(name, folder) == (old, new)
    assert total >= 2


def injected(name: str, injector: Injector, monkeypatch: pytest.MonkeyPatch) -> tuple[int, int]:
    """Return the status of a command, and the number of its steps."""
    with monkeypatch.context() as patched:
        for owner, step in STEPS:
            patched.setattr(owner, step, injector.step(getattr(owner, step)))
        return WRITERS[name](), injector.taken


@pytest.mark.parametrize("name", CASES)
def test_files_do_not_depend_on_the_time(
    name: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert WRITERS[name]() == 0
    written, now = contents(folder), time.time
    monkeypatch.setattr(time, "time", lambda: now() + 86_400)
    assert WRITERS[name]() == 0
    assert contents(folder) == written


# Not by default: old versions of pytest write under the limit as well.
@pytest.mark.thorough
@pytest.mark.parametrize("name", WRITERS)
def test_a_full_disk_after_any_number_of_bytes(name: str, folder: Path) -> None:
    old, new = with_other_files(name, folder)
    changed = [len(new[file]) for file in new if file != "map.npy"]
    for size in sorted({0, 1, 100, min(changed) - 1, max(changed) // 2, max(changed) - 1}):
        with file_size_limit(size):
            assert WRITERS[name]() == 2, size
        assert contents(folder) == old, size
