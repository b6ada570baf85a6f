"""What the page has chosen: the box, the rules, the section and the point."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, get_args

from roialign_cli.core.convention import Pooling, Summary
from roialign_cli.core.presets import preset
from roialign_cli.errors import ArgumentError, alternatives
from roialign_cli.page.edits import MAX_EDITS, Edit

MAX_PAGE_SECTIONS = 5000
MAX_COORDINATE = 1e9  # in the units of the boxes
MAX_INDEX = 1 << 31
MAX_SAMPLING_RATIO = 1000
Four = tuple[float, float, float, float]


@dataclass(frozen=True)
class State:
    """What the page has chosen.

    Parameters
    ----------
    box
        The four numbers of the box, in the format and units of the boxes of the call.
    preset
        The name of the preset.
    output_size
        (rows, columns) of sections.
    corners
        The box as (left, top, right, bottom), y down from the top of the image, in the units of
        the boxes; takes the place of `box`.
    roi
        The index of the box of the call that the box was before it was changed; None for none.
    batch_index
        The index of the feature map.
    pooling, sampling_ratio
        None for that of the preset. A preset without a sampling ratio ignores it.
    sampling_ratio_x
        The sampling ratio along x; None for that of the preset, or `sampling_ratio`.
    channel
        The index of the output channel, or how all channels are combined.
    other
        The name of the preset with which the output is compared; None for ROI Pool.
    section
        The section (i, j), from 1; None for the section that `explain` chooses.
    point
        The sample point (n, m), from 1; None for the point that determines the output of the
        section, or its first point.
    position
        Where the question `value` moves the chosen point, (x, y) in cells, in the frame of the
        page; None for its own position.
    edits
        The cells that were changed by hand.

    Raises
    ------
    ArgumentError
        If a value has another type or is out of range.
    """

    box: Four | None
    preset: str
    output_size: tuple[int, int]
    corners: Four | None = None
    roi: int | None = None
    batch_index: int = 0
    pooling: Pooling | None = None
    sampling_ratio: int | None = None
    sampling_ratio_x: int | None = None
    channel: int | Summary = 0
    other: str | None = None
    section: tuple[int, int] | None = None
    point: tuple[int, int] | None = None
    position: tuple[float, float] | None = None
    edits: tuple[Edit, ...] = ()

    def __post_init__(self) -> None:
        if (self.box is None) == (self.corners is None):
            raise ArgumentError("box", "give either box or corners")
        for name, check in _CHECKS.items():
            object.__setattr__(self, name, check(name, getattr(self, name)))
        rows, columns = self.output_size
        if rows * columns > MAX_PAGE_SECTIONS:
            problem = f"{rows} × {columns} sections are too many for a page"
            raise ArgumentError("output_size", f"{problem}; use at most {MAX_PAGE_SECTIONS}")

    def record(self) -> dict[str, Any]:
        """Return the state as plain data."""
        return asdict(self)


def parse_state(record: object) -> State:
    """Return the state that a JSON value describes.

    Parameters
    ----------
    record
        An object with the fields of `State`; `preset`, `output_size`, and `box` or `corners` are
        required.

    Raises
    ------
    ArgumentError
        If a field is unknown, missing, of another type, or out of range.
    """
    if not isinstance(record, Mapping):
        raise ArgumentError("state", "must be a JSON object")
    known = [field.name for field in fields(State)]
    unknown = next((name for name in record if name not in known), None)
    if unknown is not None:
        problem = f"is not a field of the state; use {alternatives(known)}"
        raise ArgumentError(f"{unknown:.40}", problem)
    missing = next((name for name in ("preset", "output_size") if name not in record), None)
    if missing is not None:
        raise ArgumentError(missing, "is missing; add the field")
    return State(**{"box": None} | dict(record))


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _shown(value: object) -> str:
    return f"{value!r:.60}"


def _whole(name: str, value: Any, low: int, high: int) -> int:  # noqa: ANN401
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        problem = f"must be a whole number from {low} to {high}, got {_shown(value)}"
        raise ArgumentError(name, problem)
    return int(value)


def _pair(name: str, value: Any, high: int) -> tuple[int, int]:  # noqa: ANN401
    if not isinstance(value, (list, tuple)) or len(value) != 2:
        raise ArgumentError(name, f"must be two whole numbers, got {_shown(value)}")
    return _whole(name, value[0], 1, high), _whole(name, value[1], 1, high)


def _numbers(name: str, value: Any, count: int) -> tuple[float, ...]:  # noqa: ANN401
    is_list = isinstance(value, (list, tuple)) and len(value) == count
    if not is_list or not all(map(_is_number, value)):
        wanted = {2: "two", 4: "four"}[count]
        raise ArgumentError(name, f"must be {wanted} numbers, got {_shown(value)}")
    # A whole number may be too large for a float, and NaN is not within any range.
    if not all(-MAX_COORDINATE <= number <= MAX_COORDINATE for number in value):
        problem = f"must be numbers from {-MAX_COORDINATE:g} to {MAX_COORDINATE:g}"
        raise ArgumentError(name, f"{problem}, got {_shown(value)}")
    return tuple(float(number) for number in value)


def _edits(name: str, value: Any) -> tuple[Edit, ...]:  # noqa: ANN401
    if not isinstance(value, (list, tuple)):
        raise ArgumentError(name, f"must be a list, got {_shown(value)}")
    if len(value) > MAX_EDITS:
        raise ArgumentError(name, f"{len(value)} cells are too many; edit at most {MAX_EDITS}")
    return tuple(_edit(name, one) for one in value)


def _edit(name: str, value: Any) -> Edit:  # noqa: ANN401
    if not isinstance(value, (list, tuple)) or len(value) != len(Edit._fields):
        problem = f"must be lists of {', '.join(Edit._fields)}"
        raise ArgumentError(name, f"{problem}, got {_shown(value)}")
    n, channel, row, column = (_whole(name, index, 0, MAX_INDEX) for index in value[:4])
    if not _is_number(value[4]) or not abs(value[4]) <= sys.float_info.max:
        raise ArgumentError(name, f"must have finite values, got {_shown(value[4])}")
    return Edit(n, channel, row, column, float(value[4]))


def _word(name: str, value: Any, words: tuple[str, ...]) -> Any:  # noqa: ANN401
    if not isinstance(value, str) or value not in words:
        raise ArgumentError(name, f"{_shown(value)} is not valid; choose {alternatives(words)}")
    return value


def _channel(name: str, value: Any) -> int | Summary:  # noqa: ANN401
    if isinstance(value, str):
        summary: Summary = _word(name, value, get_args(Summary))
        return summary
    return _whole(name, value, 0, MAX_INDEX)


def _preset(name: str, value: Any) -> str:  # noqa: ANN401
    if not isinstance(value, str):
        raise ArgumentError(name, f"must be text, got {_shown(value)}")
    try:
        return preset(value).name
    except ArgumentError as error:
        raise ArgumentError(name, error.problem) from None


def _or_none(check: Callable[[str, Any], Any]) -> Callable[[str, Any], Any]:
    return lambda name, value: None if value is None else check(name, value)


# Field → a function that returns its value in the right type, or raises an `ArgumentError`.
_CHECKS: dict[str, Callable[[str, Any], Any]] = {
    "box": _or_none(lambda name, value: _numbers(name, value, 4)),
    "corners": _or_none(lambda name, value: _numbers(name, value, 4)),
    "preset": _preset,
    "output_size": lambda name, value: _pair(name, value, MAX_PAGE_SECTIONS),
    "roi": _or_none(lambda name, value: _whole(name, value, 0, MAX_INDEX)),
    "batch_index": lambda name, value: _whole(name, value, 0, MAX_INDEX),
    "pooling": _or_none(lambda name, value: _word(name, value, get_args(Pooling))),
    "sampling_ratio": _or_none(lambda name, value: _whole(name, value, 0, MAX_SAMPLING_RATIO)),
    "sampling_ratio_x": _or_none(lambda name, value: _whole(name, value, 0, MAX_SAMPLING_RATIO)),
    "channel": _channel,
    "other": _or_none(_preset),
    "section": _or_none(lambda name, value: _pair(name, value, MAX_PAGE_SECTIONS)),
    "point": _or_none(lambda name, value: _pair(name, value, MAX_INDEX)),
    "position": _or_none(lambda name, value: _numbers(name, value, 2)),
    "edits": _edits,
}
