"""The result of a search on a pyramid, as text and as commands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from roialign_cli.analysis.scaling import scale_text
from roialign_cli.core.pyramid import NO_LEVEL, Levels
from roialign_cli.core.pyramid_operation import map_scales
from roialign_cli.core.pyramid_rules import LevelScale
from roialign_cli.search.hypothesis import Hypothesis
from roialign_cli.search.pyramid_result import PyramidIdentification, RuleFit
from roialign_cli.show.document.answer import deviation_lines, reproduction_blocks
from roialign_cli.show.document.blocks import Block, Grid, Heading, Paragraph, indented
from roialign_cli.show.document.level_step import digits
from roialign_cli.show.document.reproduction import (
    InputWords,
    box_words,
    operator_words,
    pyramid_call,
    pyramid_command,
)
from roialign_cli.show.document.terminal import blocks_text
from roialign_cli.show.numbers import format_count, format_indices, format_number

_MAX_BROKEN = 10  # rows of the table of boxes
_MAX_EQUIVALENTS = 6  # names of presets
_MAX_OTHER_RULES = 8


def pyramid_identification_blocks(
    found: PyramidIdentification, inputs: InputWords | None = None, remarks: Sequence[str] = ()
) -> Iterator[Block]:
    """Yield the result of a search.

    Parameters
    ----------
    found
        The result.
    inputs
        The words of a command line that name the inputs; None for no command line.
    remarks
        A heading after the result, and lines below it.
    """
    yield Heading(2, _headline(found))
    if found.hypothesis is None:
        yield indented(_NOTHING)
    else:
        yield from _result(found, found.hypothesis, inputs)
    if remarks:
        yield Heading(2, remarks[0])
        yield from map(indented, remarks[1:])
    yield from _search_size(found)


def _result(
    found: PyramidIdentification, hypothesis: Hypothesis, inputs: InputWords | None
) -> Iterator[Block]:
    """Yield the operator, the maps, the rules, and how to reproduce the output."""
    yield from _operator(found, hypothesis)
    yield _maps_table(found)
    if found.unexplained.any():
        rows = np.flatnonzero(found.unexplained).tolist()
        yield Paragraph(
            f"{_rows(rows)} no map with this convention; the rules are judged by the other rows."
        )
    yield from _explained(found) if found.explaining else _broken(found)
    lines = [line for line in commands(found, inputs).values() if line is not None]
    if lines:
        made = "the output" if found.verdict == "exact" else "the rows that match"
        yield from reproduction_blocks(lines, made)


_NOTHING = (
    "No convention reproduces a row on any map. Check the order of the maps, --image-size or "
    "--level-scales, and the boxes; `roialign identify MAP` with the rows of one map looks for "
    "other changes."
)


def pyramid_identification_text(found: PyramidIdentification) -> str:
    """Return the result of a search as plain text, without a command line."""
    return blocks_text(pyramid_identification_blocks(found)).rstrip("\n")


def commands(
    found: PyramidIdentification, inputs: InputWords | None = None
) -> dict[str, str | None]:
    """Return the command line and the Python code that make the output, None without a rule."""
    if found.hypothesis is None or not found.explaining:
        return {"command": None, "call": None}
    rule, size = found.explaining[0].rule.name, found.output_size
    scaled = _scale_arguments(found, found.explaining[0].rule.level_scale)
    command = None
    if inputs is not None:
        command = pyramid_command(found.hypothesis, rule, inputs, size)
    return {"command": command, "call": pyramid_call(found.hypothesis, rule, scaled, size)}


def _scale_arguments(found: PyramidIdentification, kind: LevelScale) -> dict[str, object]:
    """Return the size of the image, and the scales if they do not follow from the size."""
    if found.image_size is None:
        return {"level_scales": found.scales}
    height, width = (int(v) if v == int(v) else v for v in found.image_size)
    inferred, _ = map_scales(found.map_sizes, kind, found.image_size, None)
    scales = {} if inferred == found.scales else {"level_scales": found.scales}
    return {"image_size": (height, width), **scales}


def _search_size(found: PyramidIdentification) -> Iterator[Block]:
    if found.searched:
        yield Paragraph(f"Tried {found.searched} combinations.")


def _headline(found: PyramidIdentification) -> str:
    count = len(found.fits)
    if found.hypothesis is None:
        return f"None of {format_count(count, 'row', 'rows')} matches a map"
    operator = operator_words(found.hypothesis)
    if found.verdict == "partial":
        matching = count - int(found.unexplained.sum())
        return f"Partial: {matching} of {count} rows match {operator}"
    if found.verdict == "other levels":
        return f"Every row matches {operator}, but no rule explains all levels"
    return f"Exact: {operator}, levels by {_names([fit.rule.name for fit in found.explaining], 3)}"


def _names(names: Sequence[str], most: int) -> str:
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")


def _operator(found: PyramidIdentification, hypothesis: Hypothesis) -> Iterator[Block]:
    """Yield how the boxes are read, what is unusual, and which presets are equal."""
    scales = ", ".join(scale_text((scale, scale)) for scale in found.scales)
    yield indented(f"{box_words(hypothesis)}, scales {scales}")
    if found.rearranged:
        yield indented(f"! {found.rearranged}")
    yield from deviation_lines(hypothesis)
    yield indented(f"largest difference {format_number(found.max_difference)}")
    if found.equivalents:
        yield indented(f"the same here: {_names(found.equivalents, _MAX_EQUIVALENTS)}")
    if found.doubtful:
        yield indented("! the output has few different values; a row may match by chance")


def _best(found: PyramidIdentification) -> RuleFit:
    return found.rules[0]


def _first_level(found: PyramidIdentification) -> int:
    """Return the number of the first level by the best rule."""
    levels = _best(found).levels
    return 0 if levels is None else levels.first


def _maps_table(found: PyramidIdentification) -> Grid:
    first, index = _first_level(found), found.map_index
    rows = []
    for level, (size, scale) in enumerate(zip(found.map_sizes, found.scales, strict=True)):
        count = int((index == level).sum())
        cells = "{} × {}".format(*size)
        rows.append((str(first + level), cells, scale_text((scale, scale)), str(count)))
    others = {
        "more than one map": found.ambiguous,
        "no map: zeros": found.on_no_map,
        "unexplained": found.unexplained,
    }
    rows += [(words, "", "", str(int(of.sum()))) for words, of in others.items() if of.any()]
    return Grid(("level", "cells", "scale", "boxes"), tuple(rows), prose=True)


def _explained(found: PyramidIdentification) -> Iterator[Block]:
    """Yield the rules that explain all levels, and a box that would distinguish them."""
    names = [fit.rule.name for fit in found.explaining]
    what = "These rules explain" if len(names) > 1 else "One rule explains"
    which = "every box that matches" if found.unexplained.any() else "every box"
    yield Paragraph(f"{what} the level of {which}: {', '.join(names)}.")
    box = found.distinguishing
    if box is not None:
        first = _first_level(found)
        levels = "; ".join(
            f"{'no level' if level == NO_LEVEL else f'level {first + level}'} by {', '.join(rules)}"
            for level, rules in box.maps.items()
        )
        yield indented(f"A box of {box.side:g} × {box.side:g} px would distinguish them: {levels}.")


def _broken(found: PyramidIdentification) -> Iterator[Block]:
    """Yield the closest rule, the boxes that it does not explain, and the other rules."""
    best, total = _best(found), len(found.fits)
    if best.levels is None:
        yield Paragraph(f"{best.rule.name} cannot be applied: {best.problem}.")
        return
    count, single = len(best.broken), len(found.rules) == 1
    name = f"The rule {best.rule.name}" if single else f"The closest rule, {best.rule.name},"
    yield Paragraph(f"{name} does not explain {count} of {format_count(total, 'box', 'boxes')}:")
    headers = ("ROI", "size, px", "pooled from", f"by {best.rule.name}", "before rounding")
    rows = (_row(found, best.levels, roi) for roi in best.broken[:_MAX_BROKEN].tolist())
    yield Grid((*headers, "from the boundary, px"), tuple(rows), prose=True)
    if count > _MAX_BROKEN:
        yield Paragraph(f"And {count - _MAX_BROKEN} more; --format json lists all.")
    others = [f"{fit.rule.name} {len(fit.broken)}" for fit in found.rules[1:] if fit.levels]
    if others:
        listed = _names(others, _MAX_OTHER_RULES)
        yield Paragraph(f"Boxes that other rules do not explain: {listed}.")
    if single:
        yield Paragraph("Without --pyramid, all rules are tried.")


def _row(found: PyramidIdentification, levels: Levels, roi: int) -> tuple[str, ...]:
    one = found.level_by(levels, roi)
    maps = found.choices(roi)
    pooled_from = " or ".join("none" if n == NO_LEVEL else str(levels.first + n) for n in maps)
    return (
        str(roi),
        digits(one.size),
        pooled_from,
        "none" if one.level is None else str(one.level),
        digits(one.number),
        "–" if one.distance is None else f"{one.distance:.4g}",
    )


def _rows(rows: Sequence[int]) -> str:
    verb = "matches" if len(rows) == 1 else "match"
    return f"Row{'s' if len(rows) > 1 else ''} {format_indices(rows)} {verb}"
