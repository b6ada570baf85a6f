"""What a search for a convention found, in the terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

import numpy as np
from rich.text import Text

from roialign_cli.conventions import PRESETS, Convention
from roialign_cli.show.numbers import number
from roialign_cli.show.terminal import new_console
from roialign_cli.traits import Mask
from roialign_cli.ways import LAYOUTS, Identification, Match, Partial, Way, told_apart_by


def print_identification(found: Identification, inputs: str, shape: Sequence[int]) -> None:
    """Print what was found.

    Parameters
    ----------
    found
        The search's result.
    inputs
        The words of a command line that name the features and the boxes.
    shape
        Of the output that was looked for.
    """
    console = new_console()
    lines = _matched(found, inputs, shape) if found.matches else _unmatched(found)
    for line in lines:
        console.print(_laid_out(line, console.width), soft_wrap=True)
    console.print(Text(f"{found.searched} ways were tried."), style="dim")


def _laid_out(line: str, width: int) -> Text:
    """Return a line, bold if it is marked so, broken where it must be, all as far in."""
    if line.startswith("["):
        return Text.from_markup(line)
    if line.startswith(_COPIED):
        return Text(line)
    indent = " " * (len(line) - len(line.lstrip()))
    return Text(textwrap.fill(line, width, subsequent_indent=indent, break_on_hyphens=False))


# Lines that are meant to be copied are not broken.
_COPIED = ("  roialign run", "  roi_align(")


def _matched(found: Identification, inputs: str, shape: Sequence[int]) -> Iterator[str]:
    best, *others = found.matches
    yield f"[bold]{operator_words(best.way)}[/]"
    yield f"  {reading_words(best.way)}"
    yield f"  largest difference {number(best.max_difference)}"
    for words in best.way.oddities():
        yield f"  ! {words}"
    size = _output_size(best.way, shape)
    yield ""
    yield f"  {run_command(best.way, inputs, size)}"
    yield f"  {python_call(best.way, size)}"
    if best.equivalents or others:
        yield ""
        yield "[bold]The same on this input, and what would tell it apart:[/]"
    yield from _equivalents(best)
    for match in others:
        parts = [operator_words(match.way), reading_words(match.way), *match.way.oddities()]
        yield f"  {'; '.join(parts)}: {_telling(best.way.convention, match.way.convention)}"
    if found.closest is not None:
        closest = found.closest
        yield ""
        slip = f" ({closest.way.slip})" if closest.way.slip else ""
        apart = number(closest.max_difference)
        yield f"Closest other: {operator_words(closest.way)}{slip}, largest difference {apart}."


def _equivalents(match: Match) -> Iterator[str]:
    groups: dict[str, list[str]] = {}
    for other in match.equivalents:
        groups.setdefault(_telling(match.way.convention, other), []).append(other.name)
    for telling, names in groups.items():
        yield f"  {', '.join(names)}: {telling}"


def _telling(one: Convention, other: Convention) -> str:
    return "; or ".join(told_apart_by(one, other)) or "nothing, it is the same operator"


def _unmatched(found: Identification) -> Iterator[str]:
    yield "[bold]No convention makes this output.[/]"
    if found.partial is None:
        yield "  None fits any section of a telling box: are these the features and the boxes?"
        return
    partial = found.partial
    yield f"  The closest: {operator_words(partial.way)}; {reading_words(partial.way)}"
    for words in partial.way.oddities():
        yield f"  ! {words}"
    yield f"  largest difference {number(partial.max_difference)}"
    for name, mask in _parts(partial):
        yield f"  {name}: {_counted(mask)}"
    if partial.common:
        yield f"  The boxes that it does not fit are all {' and '.join(partial.common)}."


def _parts(partial: Partial) -> Iterator[tuple[str, Mask]]:
    yield "boxes that it fits", partial.boxes
    yield "channels that it fits", partial.channels
    yield "sections that it fits in all boxes", partial.sections


_MOST_NAMED = 12


def _counted(mask: Mask) -> str:
    """Say how many are true, and which are not if they are few."""
    total, fits = mask.size, int(mask.sum())
    if fits in {0, total}:
        return f"{'all' if fits else 'none'} of {total}"
    wrong = np.argwhere(~mask)
    names = [str(at[0]) if mask.ndim == 1 else f"({at[1] + 1}, {at[0] + 1})" for at in wrong]
    listed = ", ".join(names[:_MOST_NAMED]) + (", …" if len(names) > _MOST_NAMED else "")
    return f"{fits} of {total}, not {listed}"


def operator_words(way: Way) -> str:
    """Return whose operator it is, with its pooling and its points."""
    rules = way.convention
    words = [rules.name, rules.pooling]
    if rules.points == "centred":
        ratio = rules.sampling_ratio
        words.append(f"sampling ratio {ratio}" if ratio else "adaptive sampling")
    read = {"pooling", "sampling_ratio", *_READING_SAID}
    changes = {k: v for k, v in _changes(rules).items() if k not in read}
    return ", ".join([*words, *(f"{name}={value}" for name, value in changes.items())])


_READING_SAID = ("box_format", "origin", "normalized", "normalized_by", "inclusive")


def _changes(rules: Convention) -> dict[str, object]:
    return rules.changes() if rules.name in PRESETS else rules.parameters()


def reading_words(way: Way) -> str:
    """Return how the boxes are read."""
    rules = way.convention
    end = {"size": "the map's edge", "last-centre": "the last cell's centre"}[rules.normalized_by]
    scale = f"normalised to {end}"
    if way.spatial_scale is not None:
        y, x = way.spatial_scale
        scale = f"spatial scale {_scale(x, y)}"
    last = ", inclusive" if rules.inclusive else ""
    return f"boxes as {rules.box_format}{last}, origin {rules.origin}, {scale}"


def _scale(x: float, y: float) -> str:
    return f"{x:.12g}" if x == y else f"{x:.12g},{y:.12g}"


def _output_size(way: Way, shape: Sequence[int]) -> tuple[int, int]:
    _, _, rows, columns = (shape[axis] for axis in LAYOUTS[way.layout])
    return rows, columns


# The fields that have an option of their own; the others are set by --set.
_OPTIONS = {
    "pooling", "points", "sampling_ratio", "divide", "offset", "min_size", "extrapolation_value",
    "box_format", "origin",
}  # fmt: skip


def run_command(way: Way, inputs: str, size: tuple[int, int]) -> str:
    """Return the command line that makes the output; `inputs` may already say the scale."""
    scale_said = any(option in inputs.split() for option in ("--image-size", "--stride"))
    words = ["roialign run", inputs, "--preset", way.convention.name]
    for name, value in _changes(way.convention).items():
        if name == "normalized":
            words.append("--normalized" if value else "--absolute")
        elif name in _OPTIONS:
            words += [f"--{name.replace('_', '-')}", f"{value}"]
        else:
            words += ["--set", f"{name}={value}".lower()]
    if way.spatial_scale is not None and way.spatial_scale != (1.0, 1.0) and not scale_said:
        y, x = way.spatial_scale
        words += ["--spatial-scale", _scale(x, y)]
    return " ".join([*words, "--output-size", "{}x{}".format(*size)])


def python_call(way: Way, size: tuple[int, int]) -> str:
    """Return the call of `roi_align` that makes the output."""
    given = {"convention": way.convention.name, **_changes(way.convention)}
    if way.spatial_scale is not None and way.spatial_scale != (1.0, 1.0):
        y, x = way.spatial_scale
        given["spatial_scale"] = x if x == y else (y, x)
    words = ", ".join(f"{name}={_literal(value)}" for name, value in given.items())
    call = f"roi_align(features, boxes, {size}, {words})"
    back = np.argsort(LAYOUTS[way.layout]).tolist()
    return call if way.layout == "RCHW" else f"{call}.transpose{tuple(back)}"


def _literal(value: object) -> str:
    return f'float("{value}")' if value in {float("inf"), float("-inf")} else repr(value)
