"""A process with all processes that it starts: they end together, and with this process."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import IO, Any

from roialign_cli.printable import printable

# Waits until the process that holds the other end of its input has ended, then kills a group.
_WATCHDOG = (
    "import os, signal, sys; group = int(sys.stdin.buffer.read());"
    "getattr(os, 'killpg', os.kill)(group, getattr(signal, 'SIGKILL', signal.SIGTERM))"
)
_MAX_CLAUSE = 150  # characters of a line of a process that are shown


class Group:
    """A process that is the first of a group. An interrupt of the terminal does not reach them.

    A second process, the watchdog, kills the group when this process ends, however it ends and
    whatever the group does.

    Parameters
    ----------
    command
        The program and its arguments.
    options
        Of `subprocess.Popen`.

    Raises
    ------
    OSError
        If the process cannot be started.
    """

    def __init__(self, command: Sequence[str], **options: Any) -> None:  # noqa: ANN401
        self._watchdog = subprocess.Popen(  # noqa: S603 - this interpreter
            [sys.executable, "-I", "-S", "-c", _WATCHDOG],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            self.process = subprocess.Popen(  # noqa: S603 - the user names the program
                command, start_new_session=True, **options
            )
        except BaseException:
            self._end_watchdog()
            raise
        try:
            with contextlib.suppress(OSError):
                pipe_of(self._watchdog.stdin).write(b"%d\n" % self.process.pid)
                pipe_of(self._watchdog.stdin).flush()
        except BaseException:  # an interrupt
            self.end()
            raise

    def kill(self) -> None:
        """Kill all processes of the group."""
        with contextlib.suppress(OSError):
            if hasattr(os, "killpg"):
                os.killpg(self.process.pid, signal.SIGKILL)
        with contextlib.suppress(OSError):
            self.process.kill()

    def end(self) -> None:
        """Kill the group, wait for the end of its first process, and close the pipes to it."""
        self.kill()
        self._end_watchdog()  # before the number of the group can belong to another one
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

    def _end_watchdog(self) -> None:
        self._watchdog.kill()
        self._watchdog.wait()
        with contextlib.suppress(OSError):
            pipe_of(self._watchdog.stdin).close()

    def status(self) -> int:
        """Return the status of a process that has closed its pipe, and is about to end."""
        try:
            return self.process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            self.end()
            return self.process.returncode

    @contextmanager
    def killed_after(self, seconds: float) -> Iterator[Callable[[], bool]]:
        """Kill the group if a block takes longer; yield a function that returns whether it did."""
        late = threading.Event()

        def end() -> None:
            late.set()
            self.kill()

        timer = threading.Timer(seconds, end)
        timer.daemon = True
        timer.start()
        try:
            yield late.is_set
        finally:
            timer.cancel()


def pipe_of(pipe: IO[bytes] | None) -> IO[bytes]:
    """Return a pipe of a process, which exists."""
    if pipe is None:
        raise OSError("a process without a pipe")
    return pipe


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
