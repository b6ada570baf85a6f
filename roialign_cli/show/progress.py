"""A bar for long runs, on standard error."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress

# Seconds that a run lasts before it gets a bar, and between two moves of the bar.
_PATIENCE, _INTERVAL = 1.0, 0.1


@contextmanager
def box_progress(boxes: int) -> Iterator[Callable[[int], object]]:
    """Give what to call with each number of boxes that is done.

    On a terminal a run of more than a second gets a bar with the boxes done and the time left.
    """
    meter = _Meter(boxes)
    try:
        yield meter.advance
    finally:
        meter.stop()


@contextmanager
def share_progress(what: str) -> Iterator[Callable[[float], object]]:
    """Give what to call with each share of some work that is done."""
    meter = _Meter(1, what)
    try:
        yield meter.advance
    finally:
        meter.stop()


class _Meter:
    def __init__(self, total: int, what: str = "") -> None:
        self._total, self._what, self._done = total, what, 0.0
        self._due = perf_counter() + _PATIENCE if sys.stderr.isatty() else float("inf")
        self._bar: Progress | None = None

    def advance(self, more: float) -> None:
        self._done += more
        if perf_counter() >= self._due:
            self._bar = self._bar or self._started()
            self._bar.update(self._bar.task_ids[0], completed=self._done)
            self._due = perf_counter() + _INTERVAL

    def _started(self) -> Progress:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

        in_bounds = (self._what,) if self._what else (MofNCompleteColumn(), "boxes, left")
        columns = BarColumn(), *in_bounds, TimeRemainingColumn()
        bar = Progress(*columns, console=Console(stderr=True), transient=True)
        bar.add_task("", total=self._total)
        bar.start()
        return bar

    def stop(self) -> None:
        if self._bar is not None:
            self._bar.stop()
