"""A kernel in a child process: time limits, and what the kernel does beside answering."""

from __future__ import annotations

from collections.abc import Mapping
from time import monotonic
from typing import Any, Self

from numpy.typing import NDArray

from roialign_cli.measure.target import NoOutputError, UnansweredError
from roialign_cli.measure.targets.frames import Arrays
from roialign_cli.measure.targets.process import Child, Crash, Timeout

_MAX_TIMEOUTS = 3  # of calls with the whole time limit
_MAX_CRASHES = 12  # without an answer; some kernels crash for all numbers of channels but one


class ChildTarget:
    """A kernel in a child process: what is common to all of them.

    Parameters
    ----------
    name
        The name for reports.
    time_limit
        Seconds that a call may take.
    child
        The process; None for one with this interpreter.
    """

    def __init__(self, name: str, time_limit: float, child: Child | None = None) -> None:
        self.name = name
        self._child = child or Child()
        self._time_limit = time_limit
        self._timeouts = 0
        self._crashes = 0
        self._answers = 0
        self._slowest = 0.0  # seconds
        self._remarks: dict[str, None] = {}

    @property
    def remarks(self) -> tuple[str, ...]:
        """What the kernel does beside answering, as clauses."""
        return tuple(self._remarks)

    @property
    def remedy(self) -> str:
        """What to do about a kernel that cannot be probed, as a clause."""
        return "run it on one of the calls that `roialign probe --write DIR` writes"

    def close(self) -> None:
        """Stop the child process; a later call starts another one."""
        self._child.stop()

    def _forget(self) -> None:
        """Forget what was noticed in first calls."""
        self._remarks.clear()
        self._timeouts = self._crashes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _load(self) -> None:
        """Prepare a new process for calls."""

    def _output(self, record: Mapping[str, Any], arrays: Arrays) -> NDArray[Any]:
        """Return the output of one call."""
        is_hopeless = self._timeouts >= _MAX_TIMEOUTS or self._crashes >= _MAX_CRASHES
        if is_hopeless and not self._answers:
            raise UnansweredError
        if not self._child.is_running:
            self._load()
        # A kernel that hangs for some boxes hangs for many of the calls.
        usual = self._timeouts < _MAX_TIMEOUTS
        seconds = self._time_limit if usual else min(self._time_limit, max(1, 10 * self._slowest))
        start = monotonic()
        try:
            reply, results = self._child.ask(record, arrays, seconds=seconds)
        except Timeout:
            self._timeouts += 1
            raise
        except Crash:
            self._crashes += 1
            raise
        self._answers += 1
        self._slowest = max(self._slowest, monotonic() - start)
        if reply["printed"]:
            self._remarks["the kernel prints to standard output"] = None
        if "raised" in reply:
            raise raised(reply["raised"], reply["text"])
        if "unreadable" in reply:
            raise NoOutputError(reply["unreadable"])
        self._remarks |= dict.fromkeys(reply["remarks"])
        return results["output"]


def raised(name: str, text: str) -> Exception:
    """Return an exception that reads as the one in the child process."""
    kind: type[Exception] = type(name, (Exception,), {})
    return kind(text)
