"""The old file or the new one, never a mixture, and nothing left beside it but by a kill."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from roialign_cli.cli.demo import sample_data
from roialign_cli.cli.main import main
from roialign_cli.errors import FileError
from roialign_cli.files import results, writing
from roialign_cli.files.results import check_output_fits
from roialign_cli.files.writing import atomic_write
from roialign_cli.memory import format_bytes

CALLS = {
    "npy": ["run", "map.npy", "--box", "1,2,1,1", "-o", "out.npy"],
    "npz": ["run", "map.npy", "--box", "1,2,1,1", "-o", "out.npz"],
    "csv": ["run", "map.npy", "--box", "1,2,1,1", "-o", "out.csv"],
    "json": ["run", "map.npy", "--box", "1,2,1,1", "-o", "out.json"],
    "png": ["plot", "map.npy", "--box", "1,2,1,1", "-o", "out.png", "--view", "output"],
    "svg": ["plot", "map.npy", "--box", "1,2,1,1", "-o", "out.svg", "--view", "output"],
}
FAILURES: dict[str, BaseException | type[BaseException]] = {
    "full": OSError(28, "No space left on device"),
    "memory": MemoryError,
    "interrupt": KeyboardInterrupt,
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    np.save("map.npy", np.eye(4))
    return tmp_path


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "map.npy"}


# By default numbers and text fail in every way, and a picture for one reason.
KINDS_AND_FAILURES = [
    pytest.param(
        kind,
        failure,
        marks=()
        if kind in {"npy", "json"} or (kind, failure) == ("png", "full")
        else pytest.mark.thorough,
    )
    for kind in CALLS
    for failure in FAILURES
]


@pytest.mark.parametrize(("kind", "failure"), KINDS_AND_FAILURES)
def test_a_failure_at_any_step_leaves_the_old_file(
    kind: str, failure: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / f"out.{kind}").write_bytes(b"before")

    def fail(*_: Any, **__: Any) -> Any:
        raise FAILURES[failure]

    steps: list[tuple[Any, str]] = [(os, "urandom"), (writing, "_publish"), (Path, "replace")]
    steps += [(Figure, "savefig")] if kind in {"png", "svg"} else []
    steps += [(np, "memmap")] if kind == "npy" else []
    for owner, step in steps:
        with monkeypatch.context() as patched:
            patched.setattr(owner, step, fail)
            expected = 130 if failure == "interrupt" else 2
            assert main([*CALLS[kind], "--force"]) == expected, step
        assert contents(folder) == {f"out.{kind}": b"before"}, step


@pytest.mark.parametrize("kind", CALLS)
def test_files_do_not_depend_on_the_time(
    kind: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(CALLS[kind]) == 0
    written, now = contents(folder), time.time
    monkeypatch.setattr(time, "time", lambda: now() + 86_400)
    assert main([*CALLS[kind], "--force"]) == 0
    assert contents(folder) == written


# Each is a process.
@pytest.mark.parametrize(
    "kind",
    [pytest.param(kind, marks=() if kind == "npy" else pytest.mark.thorough) for kind in CALLS],
)
def test_a_file_size_limit_leaves_the_old_file(kind: str, folder: Path) -> None:
    (folder / f"out.{kind}").write_bytes(b"before")
    done = subprocess.run(
        # With -B, because Python leaves cut-off files of byte code under such a limit.
        [sys.executable, "-B", "-m", "roialign_cli", *CALLS[kind], "--force"],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert (
        done.stderr.splitlines()[-1] == f"roialign: out.{kind}: cannot be written: File too large"
    )
    assert contents(folder) == {f"out.{kind}": b"before"}


def test_a_demo_on_a_full_disk_leaves_no_half_written_file(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        assert main(["demo"]) == 2
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    problem = "roialign: roialign-demo/astronaut.png: cannot be written: File too large\n"
    assert capfd.readouterr().err == problem
    for path in (folder / "roialign-demo").iterdir():
        assert path.read_bytes() == (sample_data() / path.name).read_bytes()


def signalled_while_it_writes(
    folder: Path, call: list[str], number: signal.Signals
) -> subprocess.Popen[bytes]:
    """Start a command, and send it a signal once the hidden file of its output exists."""
    process = subprocess.Popen(
        [sys.executable, "-m", "roialign_cli", *call], stderr=subprocess.PIPE
    )
    while not list(folder.glob(".roialign-*.tmp")):
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(number)
    return process


def test_a_kill_leaves_the_old_file_and_at_most_one_hidden_file(folder: Path) -> None:
    np.save("map.npy", np.zeros((64, 200, 200), np.float32))
    np.savetxt("boxes.csv", np.tile([1, 1, 190, 190], (4000, 1)), delimiter=",")
    (folder / "out.npy").write_bytes(b"before")
    call = ["run", "map.npy", "--boxes", "boxes.csv", "--preset", "mmcv", "--output-size", "7"]
    call += ["-q", "-o", "out.npy", "--force"]
    process = signalled_while_it_writes(folder, call, signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    hidden = list(folder.glob(".roialign-*.tmp"))
    left = {path.name for path in folder.iterdir() if path not in hidden}
    assert left == {"map.npy", "boxes.csv", "out.npy"}
    assert (folder / "out.npy").read_bytes() == b"before"
    assert len(hidden) == 1


def test_an_interrupt_ends_with_130_and_leaves_nothing(folder: Path) -> None:
    np.save("map.npy", np.zeros((64, 200, 200), np.float32))
    np.savetxt("boxes.csv", np.tile([1, 1, 190, 190], (20000, 1)), delimiter=",")
    call = ["run", "map.npy", "--boxes", "boxes.csv", "--preset", "mmcv", "--pooling", "max"]
    process = signalled_while_it_writes(folder, [*call, "-q", "-o", "out.npy"], signal.SIGINT)
    _, said = process.communicate()
    assert (process.returncode, said.strip()) == (130, b"")
    assert {path.name for path in folder.iterdir()} == {"map.npy", "boxes.csv"}


def test_a_reader_who_goes_is_no_error(folder: Path) -> None:
    del folder
    call = f"{sys.executable} -m roialign_cli run map.npy --box 1,2,1,1 --output-size 200"
    for form in ("table", "csv", "json"):
        done = subprocess.run(
            ["bash", "-c", f"{call} --preset mmcv --box-format cxcywh --format {form} | head -1;"
             "exit ${PIPESTATUS[0]}"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, "")


def test_a_closed_pipe_is_not_a_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setattr("click.echo", fails)
    assert main(["presets", "--format", "json"]) == 0


def write(path: Path, content: bytes, *, force: bool) -> None:
    with atomic_write(path, force=force) as file:
        file.write(content)


@pytest.mark.parametrize("links", [True, False])
def test_what_is_there_is_overwritten_only_by_force(
    folder: Path, monkeypatch: pytest.MonkeyPatch, *, links: bool
) -> None:
    if not links:
        monkeypatch.delattr(os, "link", raising=False)
    path = folder / "out.txt"
    write(path, b"before", force=False)
    with pytest.raises(FileError, match="already exists; overwrite the file with --force"):
        write(path, b"after", force=False)
    assert contents(folder) == {"out.txt": b"before"}
    write(path, b"after", force=True)
    assert contents(folder) == {"out.txt": b"after"}


@pytest.mark.parametrize("links", [True, False])
def test_a_file_that_appears_meanwhile_is_not_overwritten(
    folder: Path, monkeypatch: pytest.MonkeyPatch, *, links: bool
) -> None:
    if not links:
        monkeypatch.delattr(os, "link", raising=False)
    path = folder / "out.txt"
    writer = atomic_write(path, force=False)
    writer.__enter__().write(b"after")
    path.write_bytes(b"another program's")
    with pytest.raises(FileError, match="already exists; overwrite the file with --force"):
        writer.__exit__(None, None, None)
    assert contents(folder) == {"out.txt": b"another program's"}


def test_a_failure_without_links_leaves_no_empty_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> Any:
        raise FAILURES["full"]

    monkeypatch.delattr(os, "link", raising=False)
    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(FileError, match="No space left"):
        write(folder / "out.txt", b"after", force=False)
    assert contents(folder) == {}


def test_the_longest_name_can_be_overwritten(folder: Path) -> None:
    path = folder / ("n" * 251 + ".npy")
    path.write_bytes(b"before")
    assert main(["run", "map.npy", "--box", "1,2,1,1", "-o", path.name, "--force"]) == 0
    assert np.load(path).shape == (1, 1, 3, 3)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
@pytest.mark.parametrize("kind", ["npy", "csv", "png"])
def test_a_pipe_is_not_replaced(kind: str, folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    os.mkfifo(f"out.{kind}")
    assert main([*CALLS[kind], "--force"]) == 2
    problem = "is a device or pipe, not a file; name another file"
    assert capfd.readouterr().err == f"roialign: out.{kind}: {problem}\n"
    assert (folder / f"out.{kind}").is_fifo()


@pytest.mark.parametrize("mapped", [True, False])
def test_a_npy_is_the_same_pooled_into_the_file_or_in_memory(
    folder: Path, monkeypatch: pytest.MonkeyPatch, *, mapped: bool
) -> None:
    monkeypatch.setattr(results, "_MAPPED_FILES_CAN_BE_RENAMED", mapped)
    assert main(CALLS["npy"]) == 0
    assert main(CALLS["npz"]) == 0
    with np.load("out.npz") as archive:
        np.testing.assert_array_equal(np.load(folder / "out.npy"), archive["output"])


def test_others_may_read_a_file_as_far_as_the_umask_lets_them(folder: Path) -> None:
    mask = os.umask(0o027)
    try:
        write(folder / "out.txt", b"after", force=False)
    finally:
        os.umask(mask)
    assert (folder / "out.txt").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("name", ["a\nb.npy", os.fsdecode(b"\xff.npy"), "M\u00f6we.npy"])
def test_a_file_may_have_any_name(name: str, folder: Path) -> None:
    assert main(["run", "map.npy", "--box", "1,2,1,1", "-o", name]) == 0
    assert list(contents(folder)) == [name]
    call = ["compare", "map.npy", "--box", "1,2,1,1", "--preset", "walkthrough", "-q"]
    assert main([*call, "--with", name]) == 0


def test_a_link_is_followed(folder: Path) -> None:
    (folder / "real.txt").write_bytes(b"before")
    (folder / "out.txt").symlink_to("real.txt")
    with atomic_write(folder / "out.txt") as file:
        file.write(b"after")
    assert (folder / "out.txt").is_symlink()
    assert (folder / "real.txt").read_bytes() == b"after"


def test_outputs_without_room_are_refused_before_they_are_made(folder: Path) -> None:
    with pytest.raises(FileError, match=r"needs 4e\+06 TB"):
        check_output_fits((10**9, 10**9), 4, folder / "out.npy", None, as_text=False)
    with pytest.raises(ValueError, match="take 4 kB, more than the 3 kB allowed"):
        check_output_fits((10, 100), 4, None, 3e3, as_text=False)
    with pytest.raises(ValueError, match="take 124 kB, more than the 5 kB allowed"):
        check_output_fits((10, 100), 4, None, 5e3, as_text=True)
    check_output_fits((10, 100), 4, None, 4e3, as_text=False)
    assert format_bytes(4e18) == "4e+06 TB"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device")
@pytest.mark.parametrize(
    "command",
    [
        "presets",
        pytest.param("run --help", marks=pytest.mark.thorough),
        pytest.param("presets --format json", marks=pytest.mark.thorough),
    ],
)
def test_a_full_disk_behind_standard_output_is_one_line(command: str) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-W", "error", "-m", "roialign_cli", *command.split()],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    said = "roialign: standard output: cannot be written: No space left on device\n"
    assert (done.returncode, done.stderr) == (2, said)


def test_another_file_is_not_taken_for_standard_output(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise OSError(5, "Input/output error", "page.css")

    monkeypatch.setattr("roialign_cli.show.document.conventions.overview", fails)
    assert main(["presets"]) == 2
    assert capfd.readouterr() == ("", "roialign: page.css: Input/output error\n")
