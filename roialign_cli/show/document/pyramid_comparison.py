"""Build the document of a comparison on a pyramid: the boxes that change level, the differences."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from roialign_cli.analysis.pyramid_comparison import BoxLevel, LevelChange, PyramidComparison
from roialign_cli.core.pyramid import Levels
from roialign_cli.core.pyramid_operation import PyramidOperation
from roialign_cli.show.document.blocks import Block, Grid, Heading, Paragraph
from roialign_cli.show.document.comparison import difference_blocks
from roialign_cli.show.document.level_step import digits
from roialign_cli.show.numbers import format_count, name_of, reading_of

_MAX_CHANGES = 12  # rows, so that the answer fits a screen


def pyramid_comparison_blocks(
    comparison: PyramidComparison,
    labels: Sequence[str],
    second: str,
    rearranged: str = "",
    why: Iterable[Block] | None = None,
) -> Iterator[Block]:
    """Yield the document of a comparison; the parameters are those of `comparison_blocks`."""
    operation, other = comparison.operation, comparison.other
    yield Heading(1, _title(operation, other, second))
    yield Paragraph(_sides(operation, other))
    if rearranged:
        yield Paragraph(f"{second} was rearranged: {rearranged}.")
    if not comparison.outputs.size:
        yield Paragraph("There are no outputs to compare.")
        return
    if other is not None and other.levels.rule != operation.levels.rule:
        yield from _changes(comparison, operation.levels, other.levels)
    yield from difference_blocks(comparison, labels)
    if why is not None:
        yield Heading(2, "Why")
        yield from why


def _title(operation: PyramidOperation, other: PyramidOperation | None, second: str) -> str:
    """Return the two things that are compared: rules, conventions, both, or an output."""
    rule = operation.levels.rule.name
    convention = operation.operations[0].convention
    if other is None:
        return f"Pyramid rule {rule}, convention {name_of(convention)}, with {second}"
    other_rule, other_convention = other.levels.rule.name, other.operations[0].convention
    if other_convention == convention:
        return f"Pyramid rule {rule} with {other_rule}"
    if other_rule == rule:
        return f"Pyramid rule {rule}: {name_of(convention)} with {name_of(other_convention)}"
    first = f"Pyramid rule {rule} and {name_of(convention)}"
    return f"{first} with {other_rule} and {name_of(other_convention)}"


def _sides(operation: PyramidOperation, other: PyramidOperation | None) -> str:
    """Return what both sides have in common."""
    convention = operation.operations[0].convention
    maps = format_count(len(operation.operations), "map", "maps")
    read = f"boxes read as {reading_of(convention)}"
    if other is None or other.operations[0].convention != convention:
        return f"{maps}; {read}."
    return f"{maps}; convention {name_of(convention)}; {read}."


def _changes(comparison: PyramidComparison, first: Levels, second: Levels) -> Iterator[Block]:
    """Yield how many boxes change level, and a table of the first of them."""
    total = format_count(len(comparison.differing), "box", "boxes")
    changes = comparison.changes
    if not changes:
        yield Paragraph(f"No box changes level ({total}).")
        return
    verb = "changes" if len(changes) == 1 else "change"
    numbering = ""
    if first.first != second.first:
        names = first.rule.name, second.rule.name
        numbering = (
            f" The first map is level {first.first} of {names[0]} and level {second.first} of "
            f"{names[1]}."
        )
    yield Paragraph(f"{len(changes)} of {total} {verb} level.{numbering}")
    names = first.rule.name, second.rule.name
    headers = ("ROI", "size, px", "before rounding", *names, "from the boundary, px")
    rows = (_row(change, first.first - second.first) for change in changes[:_MAX_CHANGES])
    yield Grid(headers, tuple(rows), prose=True)
    rest = len(changes) - _MAX_CHANGES
    if rest > 0:
        yield Paragraph(f"And {rest} more; --format json lists all.")


def _row(change: LevelChange, shift: int) -> tuple[str, ...]:
    """Return a row; `shift` is the number of the first map by the first rule minus the second."""
    first, second = change.first, change.second
    return (
        str(change.roi),
        _both(digits(first.size), digits(second.size)),
        _both(digits(first.number), digits(second.number + shift)),
        _level(first),
        _level(second),
        _both(_distance(first), _distance(second)),
    )


def _both(first: str, second: str) -> str:
    """Return a number by the first rule, and by the second one if it differs."""
    return first if first == second else f"{first} / {second}"


def _level(one: BoxLevel) -> str:
    return "none" if one.level is None else str(one.level)


def _distance(one: BoxLevel) -> str:
    return "–" if one.distance is None else f"{one.distance:.4g}"
