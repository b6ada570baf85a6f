"""A child process that answers messages within a time limit, and is started again if it ends."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import IO, Any

from numpy.typing import NDArray

from roialign_cli.measure.target import StoppedError
from roialign_cli.measure.targets.frames import NO_ARRAYS, Arrays, read_frame, write_frame
from roialign_cli.printable import printable

# The paths of this process first, so that no file in the current folder replaces a module.
_PROGRAM = (
    "import sys, os; sys.path[:] = sys.argv.pop(1).split(os.pathsep);"
    "from roialign_cli.measure.targets.child import main; main()"
)
_MAX_CLAUSE = 150  # characters of a line of a process that are shown


class Crash(StoppedError):  # noqa: N818
    """A process that ended during a call; the text has the reason."""


class Timeout(StoppedError):  # noqa: N818
    """A call that was not answered within its time limit."""


class Child:
    """Run `child.py` as long as it lives, and start it again when it is needed.

    Its process is the first of a group. All processes of the group are killed with it, at the
    latest when this object or this process ends. An interrupt of the terminal does not reach them.
    """

    def __init__(self) -> None:
        self._running: _Running | None = None

    @property
    def is_running(self) -> bool:
        """Whether a process is ready for a message."""
        return self._running is not None

    def ask(
        self, record: Mapping[str, Any], arrays: Arrays = NO_ARRAYS, *, seconds: float
    ) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Send one message and return the answer.

        Raises
        ------
        Crash
            If the process ends instead.
        Timeout
            If there is no answer after a number of seconds; the process is then killed.
        """
        running = self._running = self._running or _Running()
        start = running.written()
        answer = None
        try:
            with (
                ended_by_signals(),
                killed_after(running.process, seconds) as is_late,
                contextlib.suppress(OSError),  # the process has ended
            ):
                write_frame(running.requests, {**record, "seconds": seconds}, arrays)
                answer = read_frame(running.answers)
        except BaseException:
            self.stop()
            raise
        if answer is not None and not is_late():
            return answer
        status = _stopped(running.process)
        last = last_line(running.errors, start)
        self.stop()
        if is_late():
            raise Timeout(f"it gave no answer within {seconds:g} s, and was stopped")
        raise Crash(f"its process ended with {ending(status)}{last}")

    def stop(self) -> None:
        """Kill the process and all that it has started."""
        if self._running is not None:
            self._running.end()
            self._running = None


class _Running:
    """A process, its pipes, and the file that it writes errors into."""

    def __init__(self) -> None:
        paths = os.pathsep.join(str(Path(path).absolute()) for path in sys.path)
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed by end
        self.process = subprocess.Popen(  # noqa: S603 - this interpreter
            [sys.executable, "-B", "-c", _PROGRAM, paths],  # -B: nothing beside the kernel
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            start_new_session=True,
        )
        self.requests, self.answers = map(_pipe, (self.process.stdin, self.process.stdout))
        self.end = weakref.finalize(self, _end, self.process, self.errors)

    def written(self) -> int:
        """Return how many bytes are in the file with errors."""
        return self.errors.seek(0, os.SEEK_END)


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise OSError("a process without a pipe")
    return pipe


def _end(process: subprocess.Popen[bytes], errors: IO[bytes]) -> None:
    kill(process)
    errors.close()


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a process and its group, and wait for its end."""
    _kill_group(process)
    process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(OSError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(OSError):
        process.kill()


def _stopped(process: subprocess.Popen[bytes]) -> int:
    """Return the status of a process that has closed its pipe, and is about to end."""
    try:
        return process.wait(timeout=2)
    except subprocess.TimeoutExpired:
        kill(process)
        return process.returncode


@contextmanager
def killed_after(process: subprocess.Popen[bytes], seconds: float) -> Iterator[Any]:
    """Kill a process if a block takes longer; yield a function that returns whether it did."""
    late = threading.Event()

    def end() -> None:
        late.set()
        _kill_group(process)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield late.is_set
    finally:
        timer.cancel()


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Leave a block by an exception when this process is to end, so that it can end others first.

    Signals that the program handles itself, and threads other than the main one, are left alone.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    numbers = [number for number in numbers if signal.getsignal(number) is signal.SIG_DFL]
    try:
        for number in numbers:
            signal.signal(number, _leave)
        yield
    finally:
        for number in numbers:
            signal.signal(number, signal.SIG_DFL)


def _leave(number: int, _: FrameType | None) -> None:
    sys.exit(128 + number)


def ending(status: int) -> str:
    """Return how a process ended.

    Examples
    --------
    >>> ending(3)
    'status 3'
    """
    if status >= 0:
        return f"status {status}"
    try:
        return f"signal {signal.Signals(-status).name}"
    except ValueError:
        return f"signal {-status}"


def last_line(file: IO[bytes], start: int = 0) -> str:
    """Return ": " and the last line that a process has written; "" without one."""
    file.seek(0, os.SEEK_END)
    file.seek(max(start, file.tell() - 4096))
    lines = file.read().decode(errors="replace").strip().splitlines()
    return f": {printable(lines[-1].strip())[:_MAX_CLAUSE]}" if lines else ""
