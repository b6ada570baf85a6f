"""Describe the rules and the equal presets of a convention in words."""

from __future__ import annotations

from roialign_cli.core.boxes import BOX_NUMBERS
from roialign_cli.core.convention import Convention
from roialign_cli.core.presets import ALIASES, PRESETS
from roialign_cli.measure.clauses import clause
from roialign_cli.measure.rules import REFUSED
from roialign_cli.show.document.point_rules import border_rule, neighbours_rule, points_rule
from roialign_cli.show.numbers import capitalised, format_number

_NORMALIZED = {
    "size": "normalised, so that 1 is the edge of the map",
    "last-centre": "normalised, so that 1 is the centre of the last cell",
}


def rules(convention: Convention) -> dict[str, str]:
    """Return the rules of a convention, topic → one or two sentences.

    The topics "edges" and "channels" are left out if nothing about them is unusual.
    """
    topics = {
        "boxes": _boxes(convention),
        "offset": offset_rule(convention),
        "edges": edges_rule(convention),
        "size": _size(convention),
        "channels": channels_rule(convention),
        "points": points_rule(convention),
        "border": border_rule(convention),
        "neighbours": neighbours_rule(convention),
        "avg": _average(convention),
        "max": _maximum(convention),
        "arithmetic": _arithmetic(convention),
    }
    return {topic: text for topic, text in topics.items() if text}


def _boxes(c: Convention) -> str:
    corner = c.origin.replace("-", " ")
    up = "up" if c.origin == "bottom-left" else "down"
    unit = _NORMALIZED[c.normalized_by] if c.normalized else "in image units"
    last = "; the second corner is the last pixel" if c.inclusive else ""
    return f"{BOX_NUMBERS[c.box_format]}, {unit}{last}; origin at the {corner}, y {up}."


def offset_rule(c: Convention) -> str:
    """Describe what is subtracted from box coordinates, and where that places coordinate 0."""
    if c.points == "cells" and not (c.offset or c.image_offset):
        down = " down" if c.edge_rounding == "floor-map" else ""
        return f"No offset: a coordinate is the index of a cell, rounded{down} to a whole number."
    before = ""
    if c.image_offset:
        verb = "added to" if c.image_offset < 0 else "subtracted from"
        before = f"{format_number(abs(c.image_offset))} is {verb} box coordinates in the image; "
    if c.offset:
        zero = "" if before else f": {_zero_position(c.offset)}"
        return (
            f"{before}{format_number(c.offset)} is subtracted from box coordinates on the map, "
            f"where the centre of cell i is at i{zero}."
        )
    return (
        f"{before or 'No offset: '}a box coordinate on the map is the index of a cell, so 0 is the "
        "centre of the first cell, and everything lies half a cell further right and down."
    )


def _zero_position(offset: float) -> str:
    if offset == 0.5:
        return "0 is the edge of the first cell"
    return f"0 is {format_number(offset)} of a cell before the centre of the first cell"


def edges_rule(c: Convention) -> str:
    """Describe what happens to the edges of a box besides the offset, "" for nothing."""
    # The rule for points that are cells describes how their edges are rounded.
    rounding, _, place = c.edge_rounding.partition("-")
    sentences = [
        _second_edge("In the image", c.image_end_offset),
        f"The edges are rounded {_ROUNDED[rounding]} "
        f"{'on the map' if place == 'map' else 'in the image'}."
        if place and c.points != "cells"
        else "",
        "The box is cut to the map." if c.clip_boxes else "",
        _second_edge("On the map", c.end_offset) if c.points != "cells" else "",
    ]
    return " ".join(filter(None, sentences))


_ROUNDED = {
    "round": "to whole numbers, halves away from zero,",
    "floor": "down to whole numbers",
}


def _second_edge(place: str, offset: float) -> str:
    """Describe an offset of the second edge, "" for 0."""
    if not offset:
        return ""
    amount = format_number(abs(offset))
    if offset > 0:
        return f"{place}, {amount} is subtracted from the second edge."
    return f"{place}, {amount} is added to the second edge."


def _size(c: Convention) -> str:
    inverted = _INVERTED[c.inverted_boxes]
    if c.points == "cells" and c.min_size == 1 and c.rejects == "nothing":
        even = "" if inverted else ", even if the box is empty or inverted"
        return f"{inverted}An ROI is at least one cell wide and high{even}.".strip()
    grows = (
        f"Smaller ROIs grow to {format_number(c.min_size)} along each axis. " if c.min_size else ""
    )
    if c.inverted_boxes == "empty" and c.min_size:
        inverted = ""  # it grows, like any other box that is too small
    refused = "" if c.rejects == "nothing" else f"{capitalised(clause(REFUSED, c))}."
    return (
        f"{inverted}{grows}{refused}".strip()
        or "ROIs keep their size, even if the box is empty or inverted."
    )


_INVERTED = {
    "kept": "",
    "sorted": "The edges of an inverted box are exchanged. ",
    "empty": "An inverted box has size 0. ",
}


def channels_rule(c: Convention) -> str:
    """Describe which channel a section reads, "" if all sections read the same."""
    if c.channel_map == "same":
        return ""
    return (
        "Each section reads a channel of its own: with k × t sections, section (i, j) of output "
        "channel c reads channel c·k·t + (j − 1)·k + (i − 1) of the features, counted from 0."
    )


def _average(c: Convention) -> str:
    if c.points == "integral":
        empty = "0" if c.clamp_count else "NaN"
        return (
            "The products weight × cell are added. A section without area, or without cells near "
            f"it, gives {empty}."
        )
    number = _number_of_points(c)
    if c.clamp_count:
        return f"The values are added and divided by {number}. A section without points gives 0."
    return f"The values are added and divided by {number}. {_without_points(c)}"


def _number_of_points(c: Convention) -> str:
    """Describe what the sum of the values is divided by."""
    if c.average_over == "inside":
        return "the number of points that are not outside the map, without the other points"
    number = "the number of points"
    if not c.clamp_count:
        number = "the number of points along y times that along x"
    if c.grid_points == "cells":
        number += ", also of those that are left out"
    return number


def _without_points(c: Convention) -> str:
    """Describe the average of a section without points if the divisor may be 0 or negative."""
    text = "A section without points gives NaN"
    if c.inverted_boxes != "kept" or c.clip_sections or c.average_over == "inside":
        return f"{text}."
    sides = _NO_POINTS[c.grid_rounding]
    return f"{text}, or 0 if it is inverted and neither side is {sides} cells long."


# The sizes of a section along an axis for which the adaptive grid has 0 points.
_NO_POINTS = {
    "ceil": "between −1 and 0",
    "floor": "between 0 and 1",
    "round": "between −0.5 and 0.5",
}


def has_finite_max_start(c: Convention) -> bool:
    """Return whether max pooling starts from a number that features can be smaller than."""
    return c.max_start > -1e30


def _maximum(c: Convention) -> str:
    if c.points == "integral":
        return "An error: a section has no points to take the maximum of."
    of = {
        "point": "the interpolated values of the points",
        "weighted-cell": "the four products weight × cell of every point, which are not summed",
    }[c.max_of]
    if c.points == "cells":
        of = "the cells' values"
    start = f", starting from {format_number(c.max_start)}" if has_finite_max_start(c) else ""
    skips = "; NaN points are skipped" if c.max_skips_nan else ""
    empty = format_number(c.max_of_empty)
    return f"The maximum of {of}{start}{skips}; without points, {empty}."


def _arithmetic(c: Convention) -> str:
    if c.coordinates == "double":
        return "Coordinates in float64."
    order = f" A point is at {_position_formula(c)}." if c.points == "centred" else ""
    if c.coordinates == "half":
        return f"Coordinates in float16.{order}"
    return f"Coordinates in float32 for float32 features, in float64 for float64.{order}"


def _position_formula(c: Convention) -> str:
    step = f"q + {format_number(c.point_in_part)}" if c.point_in_part else "q"
    enclosed = f"({step})" if c.point_in_part else step
    if c.clip_sections:
        formula = f"start of the cut section + {enclosed}·section / g"
    else:
        formula = _POSITION_FORMULA[c.position_formula].format(step=step, enclosed=enclosed)
    return f"{formula}, computed in this order"


_POSITION_FORMULA = {
    "section-first": "start + i·section + {enclosed}·section / g",
    "step-first": "start + i·section + section / g·{enclosed}",
    "share-first": "start + section·(i + {enclosed} / g)",
    "roi-first": "start + (i·g + {step})·roi / (sections·g)",
}


def equal_presets(convention: Convention) -> list[str]:
    """Return the names of the other presets, and the aliases, with the same rules."""
    equal = [name for name, row in PRESETS.items() if row.convention == convention]
    same = [name for name in equal if name != convention.name]
    return same + [alias for alias, row in ALIASES.items() if row == convention.name]
