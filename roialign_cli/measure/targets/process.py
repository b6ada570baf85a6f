"""A child process that answers messages within a time limit, and is started again if it ends."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from numpy.typing import NDArray

from roialign_cli.measure.target import NoOutputError
from roialign_cli.measure.targets.frames import NO_ARRAYS, Arrays, read_frame, write_frame
from roialign_cli.measure.targets.group import (
    Group,
    ended_by_signals,
    ending,
    last_line,
    pipe_of,
)

# The paths of this process first, so that no file in the current folder replaces a module.
_PROGRAM = (
    "import sys, os; sys.path[:] = sys.argv.pop(1).split(os.pathsep);"
    "from roialign_cli.measure.targets.child import main; main()"
)


class Crash(NoOutputError):  # noqa: N818
    """A process that ended during a call; the text has the reason."""


class Timeout(NoOutputError):  # noqa: N818
    """A call that was not answered within its time limit."""


class Child:
    """Run `child.py` as long as it lives, and start it again when it is needed.

    All that the process starts is killed with it, at the latest when this object or this process
    ends; see `Group`.

    Parameters
    ----------
    python
        The interpreter, which needs NumPy.
    paths
        Where it looks for modules; where this process does if there are none.
    """

    def __init__(self, python: str = sys.executable, paths: Sequence[str] = ()) -> None:
        self._python, self._paths = python, paths
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
        running = self._running = self._running or _Running(self._python, self._paths or sys.path)
        start = running.written()
        answer = None
        try:
            with (
                ended_by_signals(),
                running.group.killed_after(seconds) as is_late,
                contextlib.suppress(OSError),  # the process has ended
            ):
                write_frame(running.requests, record, arrays)
                answer = read_frame(running.answers)
        except BaseException:
            self.stop()
            raise
        if answer is not None and not is_late():
            return answer
        status = running.group.status()
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

    def __init__(self, python: str, paths: Sequence[str]) -> None:
        absolute = os.pathsep.join(str(Path(path).absolute()) for path in paths)
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed by end
        self.group = Group(
            [python, "-B", "-c", _PROGRAM, absolute],  # -B: nothing beside the kernel
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
        )
        process = self.group.process
        self.requests, self.answers = map(pipe_of, (process.stdin, process.stdout))
        self.end = weakref.finalize(self, _end, self.group, self.errors)

    def written(self) -> int:
        """Return how many bytes are in the file with errors."""
        return self.errors.seek(0, os.SEEK_END)


def _end(group: Group, errors: IO[bytes]) -> None:
    group.end()
    errors.close()
