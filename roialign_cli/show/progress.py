"""Show progress bars for long runs on standard error."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress

_BAR_DELAY = 1.0  # seconds; shorter runs get no bar
_MIN_UPDATE_INTERVAL = 0.1  # seconds


@contextmanager
def box_progress(boxes: int) -> Iterator[Callable[[int], object]]:
    """Yield a function to call with the number of boxes finished since the last call.

    On a terminal, a run of more than a second shows a bar with the boxes done and the time left.

    Parameters
    ----------
    boxes
        The number of boxes of the run.
    """
    meter = _Meter(boxes)
    try:
        yield meter.advance
    finally:
        meter.stop()


@contextmanager
def share_progress(what: str) -> Iterator[Callable[[float], object]]:
    """Yield a function to call with the share of the work, 0 to 1, finished since the last call.

    Parameters
    ----------
    what
        The text beside the bar.
    """
    meter = _Meter(1, what)
    try:
        yield meter.advance
    finally:
        meter.stop()


class _Meter:
    def __init__(self, total: int, what: str = "") -> None:
        self._total, self._what, self._done = total, what, 0.0
        self._due = perf_counter() + _BAR_DELAY if sys.stderr.isatty() else float("inf")
        self._bar: Progress | None = None

    def advance(self, more: float) -> None:
        self._done += more
        if perf_counter() >= self._due:
            self._bar = self._bar or self._start()
            self._bar.update(self._bar.task_ids[0], completed=self._done)
            self._due = perf_counter() + _MIN_UPDATE_INTERVAL

    def _start(self) -> Progress:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

        labels = (self._what,) if self._what else (MofNCompleteColumn(), "boxes, left")
        columns = BarColumn(), *labels, TimeRemainingColumn()
        bar = Progress(*columns, console=Console(stderr=True), transient=True)
        bar.add_task("", total=self._total)
        bar.start()
        return bar

    def stop(self) -> None:
        if self._bar is not None:
            self._bar.stop()
