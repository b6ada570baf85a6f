"""Words and lines of Python for rows of an output."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roialign_cli.analysis.box_conditions import Mask
from roialign_cli.search.fit import Index

_MAX_LISTED = 6  # rows or runs of rows in a text


def hold_one_value(rows: NDArray[Any]) -> Mask:
    """Return which rows hold one value throughout, which may be NaN."""
    missing = np.isnan(rows)
    same = (rows == rows[:, :1]) | (missing & missing[:, :1])
    return np.asarray(same.all(axis=1), np.bool_)


def common_value(rows: NDArray[Any]) -> float | None:
    """Return the value of rows that hold only one, None if their values differ."""
    values = np.unique(rows.astype(np.float64))
    return float(values[0]) if len(values) == 1 else None


def blank_text(blank: Mask, value: float | None, *, is_padding: bool) -> str:
    """Describe the rows that hold one value throughout and match no box."""
    if not blank.any():
        return ""
    words = (
        "constant" if value is None else f"{value:g}".replace("nan", "NaN") if value else "zeros"
    )
    rows = np.flatnonzero(blank)
    verb = "are" if len(rows) > 1 else "is"
    padding = f"{verb} padding ({words})"
    return f"{named(rows, 'row')} {padding if is_padding else f'{verb} {words}'}"


def code_after(blank: Mask, value: float | None, *, is_padding: bool) -> str:
    """Return a line of Python that writes the rows that hold one value throughout."""
    rows = np.flatnonzero(blank)
    if value is None or not len(rows):
        return ""
    literal = repr(value) if np.isfinite(value) else f"np.{value}".replace("np.-", "-np.")
    if not is_padding:
        return f"output[{index_code(rows)}] = {literal}"
    if blank[rows[0] :].all():
        shape = f"({len(rows)}, *output.shape[1:])"
        zeros = f"np.zeros({shape}, output.dtype)"
        added = f"np.full({shape}, {literal}, output.dtype)" if value else zeros
        return f"output = np.concatenate([output, {added}])"
    places = index_code(rows - np.arange(len(rows)))
    return f"output = np.insert(output, {places}, {literal}, axis=0)"


def _runs(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """Return the first and last number of each run that counts up by 1.

    Examples
    --------
    >>> _runs([5, 0, 1, 2])
    [(5, 5), (0, 2)]
    """
    runs: list[tuple[int, int]] = []
    for number in map(int, numbers):
        if runs and number == runs[-1][1] + 1:
            runs[-1] = runs[-1][0], number
        else:
            runs.append((number, number))
    return runs


def named(numbers: Index, thing: str) -> str:
    """Name some rows or boxes.

    Examples
    --------
    >>> named(np.array([3, 12]), "row"), named(np.arange(180, 200), "row")
    ('rows 3, 12', 'rows 180 to 199')
    """
    if len(numbers) == 1:
        return f"{thing} {numbers[0]}"
    items = [
        item
        for first, last in _runs(numbers)
        for item in (
            [f"{first} to {last}"] if last > first + 1 else map(str, sorted({first, last}))
        )
    ]
    things = f"{thing}{'es' if thing.endswith('x') else 's'}"
    if len(items) > _MAX_LISTED:
        items = [*items[:_MAX_LISTED], f"… ({len(numbers)} {things})"]
    return f"{things} {', '.join(items)}"


def index_code(numbers: Index) -> str:
    """Return short Python for an array of indices.

    Examples
    --------
    >>> index_code(np.array([17, 1])), index_code(np.r_[1, 0, 2:180])
    ('[17, 1]', 'np.r_[1, 0, 2:180]')
    """
    pieces = (
        f"{first}:{last + 1}" if last > first + 1 else ", ".join(map(str, sorted({first, last})))
        for first, last in _runs(numbers)
    )
    return min(str(numbers.tolist()), f"np.r_[{', '.join(pieces)}]", key=len)


def expanded_index(code: str) -> list[float]:
    """Return the numbers of a list, or of an index that `index_code` wrote.

    Examples
    --------
    >>> expanded_index("np.r_[1, 0, 2:5]"), expanded_index("[0.5, -2]")
    ([1, 0, 2, 3, 4], [0.5, -2])
    """
    numbers: list[float] = []
    for item in code.removeprefix("np.r_").strip("[]").split(","):
        first, colon, stop = item.strip().partition(":")
        if colon:
            numbers += range(int(first), int(stop))
        else:
            numbers.append(float(first) if set(first) & set(".e") else int(first))
    return numbers
