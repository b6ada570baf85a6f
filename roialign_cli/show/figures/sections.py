"""An ROI on the cells: its sections, the sample points of one of them, the cells' values.

Everything is drawn where the trace says it is; the only computation is that of places for placer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.transforms import blended_transform_factory

from roialign_cli.analysis.sections import Point, Section
from roialign_cli.analysis.trace import Trace
from roialign_cli.show.figures.labels import Label, LabelPlacer, TextStyle
from roialign_cli.show.figures.map_area import (
    anchored,
    draw_map,
    draw_roi,
    map_spec,
    section_room,
    value_text_style,
    write_values,
)
from roialign_cli.show.figures.marks import (
    RING_WIDTH,
    draw_sections_points,
    mark_size,
    point_spacing,
    section_entries,
)
from roialign_cli.show.figures.sheet import (
    MIN_TEXT_SIZE,
    colour_bar,
    format_decimals,
    format_significant,
    new_panel,
    outside_entries,
    title_parts,
)
from roialign_cli.show.figures.style import DEFAULT_STYLE, FigureStyle, figure_settings
from roialign_cli.show.view import View, beyond_map, roi_view, shown_cells


def sections_figure(
    trace: Trace, *, section: tuple[int, int] = (1, 1), style: FigureStyle = DEFAULT_STYLE
) -> Figure:
    """Draw an ROI on the cells, with its sections and the sample points of one of them.

    Parameters
    ----------
    trace
        One ROI and channel.
    section
        (i, j), the section whose points are drawn.
    style
        What the figure is drawn on.

    Raises
    ------
    ArgumentError
        If there is no such section.

    Examples
    --------
    >>> from roialign_cli.analysis.trace import trace
    >>> traced = trace(np.eye(4), [[0, 0, 4, 4]], 2, convention="torchvision-aligned")
    >>> sections_figure(traced).axes[0].get_xlabel()
    'x in cells (centres on .5) →'
    """
    chosen = trace.section(*section)
    view = roi_view(trace)
    with figure_settings(style.theme):
        look = value_text_style(trace.cells[shown_cells(trace, view)], view, style)
        beside = DIMENSION_ROOM + (_BAR_ROOM if look is None else 0.0)
        panel = new_panel(
            map_spec(trace, view, style, above=DIMENSION_ROOM, beside=beside),
            style,
            title=_sections_title(trace, chosen),
            legend=_sections_legend(style, trace, chosen, view, values=look is not None),
        )
        image = draw_map(panel, trace)
        draw_roi(panel, trace, chosen)
        draw_sections_points(panel, trace, [chosen])
        placer = LabelPlacer(panel)
        write_dimensions(placer, trace)
        _write_sections(placer, trace, chosen)
        if look is not None:
            used = {(n.x, n.y) for p in chosen.points for n in p.neighbours}
            write_values(placer, trace, look, used)
        elif image is not None:
            colour_bar(panel, image, DIMENSION_ROOM)
    return panel.figure


DIMENSION_ROOM, _BAR_ROOM = 26.0, 44.0


def _sections_title(trace: Trace, chosen: Section) -> list[str]:
    columns, rows = chosen.grid
    i, j = chosen.section
    count = columns * rows
    many = f"{columns} × {rows} points" if count > 1 else ("1 point" if count else "no points")
    pooling = trace.convention.pooling
    return title_parts(
        trace, f"{pooling} of {many}", f"section ({i}, {j}) = {format_significant(chosen.output)}"
    )


def _sections_legend(
    style: FigureStyle, trace: Trace, chosen: Section, view: View, *, values: bool
) -> list[Artist]:
    entries = section_entries(style.theme, [chosen], always=False)
    entries += outside_entries(style.theme, beyond=beyond_map(trace, view))
    cells = trace.cells[shown_cells(trace, view)]
    if not values and not np.isfinite(cells).all():
        entries.append(Patch(facecolor=style.theme.not_a_number, label="not a finite number"))
    return entries


# Texts ------------------------------------------------------------------------------------------

_DIMENSION = TextStyle(9.5, "roi", "bold")
_CORNER = TextStyle(8.5, "ink", "bold")
_SECTION_SIZES = 9.5, 8.5, 7.5, MIN_TEXT_SIZE
_COORDINATES = TextStyle(MIN_TEXT_SIZE + 0.3, "point", "bold")

# Where in a section a text may stand: its middle first, then corners.
_ANCHORS = ((0, 0), (0, 1), (-1, 1), (1, 1), (-1, -1), (1, -1))


def write_dimensions(placer: LabelPlacer, trace: Trace) -> None:
    """Write the ROI's width over the axes, its height beside them, and its top-left corner."""
    panel = placer.panel
    axes = panel.axes
    bottom = trace.bottom
    over = blended_transform_factory(axes.transData, axes.transAxes) + panel.shifted(0, 8)
    beside = blended_transform_factory(axes.transAxes, axes.transData) + panel.shifted(8, 0)
    look: dict[str, Any] = {"color": panel.theme.roi, "linewidth": 1.2, "clip_on": False, "ms": 7}
    right = trace.x + trace.width
    axes.add_line(Line2D([trace.x, right], [1, 1], marker="|", transform=over, **look))
    axes.add_line(Line2D([1, 1], [trace.y, bottom], marker="_", transform=beside, **look))
    across, along = (
        f"width {format_decimals(trace.width)}",
        f"height {format_decimals(trace.height)}",
    )
    view = panel.view
    x = _within(placer, across, (trace.x + right) / 2, view.left, view.right)
    y = _within(placer, along, (trace.y + bottom) / 2, view.low, view.high)
    font: dict[str, Any] = {"size": _DIMENSION.size, "color": panel.theme.roi, "weight": "bold"}
    font |= {"ha": "center", "va": "center"}
    axes.text(x, 1, across, transform=over + panel.shifted(0, 9), **font)
    axes.text(1, y, along, transform=beside + panel.shifted(9, 0), rotation=90, **font)


def _within(placer: LabelPlacer, string: str, middle: float, low: float, high: float) -> float:
    """Return a middle for a text between two ends of the axes, as near as can be to that wished."""
    half = placer.size(string, _DIMENSION)[0] / placer.panel.scale / 2
    return (low + high) / 2 if high - low < 2 * half else min(max(middle, low + half), high - half)


def write_coordinates(placer: LabelPlacer, trace: Trace, chosen: Section) -> None:
    """Write the coordinates of a section's points, or of as many as find room."""
    _keep_points_clear(placer, trace, chosen)
    if not placer.write_first_that_fits(list(_point_choices(placer, trace, chosen))):
        _write_few_points(placer, trace, chosen)


def write_numbers(placer: LabelPlacer, trace: Trace) -> None:
    """Write (i, j) in every section, or i and j along the ROI's sides."""
    numbered = _section_choices(placer, trace)
    if not (numbered and placer.write_first_that_fits(numbered)):
        _write_numbers_outside(placer, trace, trace.sections[0])


def write_corner(placer: LabelPlacer, trace: Trace) -> None:
    """Write where the ROI's top-left corner is."""
    placer.keep_clear(trace.x, trace.y, 3)
    placer.write_first_that_fits([[label] for label in _corner_choices(placer, trace)])


def _keep_points_clear(placer: LabelPlacer, trace: Trace, chosen: Section) -> None:
    size = mark_size(placer.panel, trace, chosen)
    for point in chosen.points:
        placer.keep_clear(point.x, point.y, size / 2)
    winner = chosen.winning_point
    if winner is not None:
        placer.keep_clear(winner.x, winner.y, (size + RING_WIDTH) / 2 + 1)


def _write_sections(placer: LabelPlacer, trace: Trace, chosen: Section) -> None:
    """Write the corner, the sections' (i, j) and the points' coordinates, each where it is free."""
    _keep_points_clear(placer, trace, chosen)
    numbered = _section_choices(placer, trace)
    if not numbered:
        _write_numbers_outside(placer, trace, chosen)
    write_corner(placer, trace)
    pointed = list(_point_choices(placer, trace, chosen))
    both = [[*some, *others] for some, others in product(numbered or [[]], pointed)]
    if not placer.write_first_that_fits(both):
        if not placer.write_first_that_fits(numbered):
            _write_tab(placer, trace, chosen, numbered)
        _write_few_points(placer, trace, chosen)


def _write_tab(
    placer: LabelPlacer, trace: Trace, chosen: Section, numbered: Sequence[Sequence[Label]]
) -> None:
    """Write (i, j) in the sections, and that of the one whose points leave no room on a tab."""
    if not numbered:
        return
    look = TextStyle(numbered[0][0].look.size, "ground", "bold", 2.0, "section_ink")
    string = "({}, {})".format(*chosen.section)
    width, height = placer.size(string, look)
    room = section_room(placer.panel, trace)
    middle = _section_middle(trace, chosen)
    side, up = (room[0] - width) / 2, (room[1] + height) / 2 + 1
    places = ((-side, up), (0.0, up), (side, up), (-side, -up), (0.0, -up), (side, -up))
    placer.write_those_that_fit([label for label in numbered[0] if label.string != string])
    placer.write_first_that_fits([[Label(string, middle, place, look)] for place in places])


def _corner_choices(placer: LabelPlacer, trace: Trace) -> list[Label]:
    label = Label(_pair(trace, trace.x, trace.y), (trace.x, trace.y), (0, 0), _CORNER)
    width, height = placer.size(label.string, label.look)
    right, up = width / 2, height / 2 + 3
    places = (
        (right, up), (right, up + 10), (-right, up), (-right - 4, 0), (0, up), (0, up + 10),
        (right + 4, -up), (-right, -up), (right, -up - 10),
    )  # fmt: skip
    return [label.moved(*place) for place in places]


def _pair(trace: Trace, x: float, y: float) -> str:
    finest = min(abs(trace.section_width), abs(trace.section_height))
    decimals = 2 if finest >= 0.1 or not finest else min(int(2 - np.log10(finest)), 8)
    return f"({format_decimals(x, decimals)}, {format_decimals(y, decimals)})"


def _section_choices(placer: LabelPlacer, trace: Trace) -> list[list[Label]]:
    """Return sets of all (i, j), one a place in the sections; none if they do not fit in them."""
    room = section_room(placer.panel, trace)
    longest = "({}, {})".format(*trace.sections[-1].section)
    for size in _SECTION_SIZES:
        look = TextStyle(size, "section_ink", "bold")
        width, height = placer.size(longest, look)
        if width + 4 <= room[0] and height + 2 <= room[1]:
            return [
                [
                    Label(
                        "({}, {})".format(*s.section),
                        _section_middle(trace, s),
                        anchored(anchor, room, (width, height), 3.5),
                        look,
                    )
                    for s in trace.sections
                ]
                for anchor in _ANCHORS
            ]
    return []


def _section_middle(trace: Trace, section: Section) -> tuple[float, float]:
    down = trace.frame.y_sign
    return (
        section.x + trace.section_width / 2,
        section.y + down * trace.section_height / 2,
    )


def _write_numbers_outside(placer: LabelPlacer, trace: Trace, chosen: Section) -> None:
    """Write i along the ROI's top and j along its left side, where sections are too small."""
    if not (trace.section_width and trace.section_height):
        return
    columns = len(trace.output[0])
    for axis, sections in enumerate((trace.sections[:columns], trace.sections[::columns])):
        labels = []
        for section in sorted(sections, key=lambda s: s.section[axis] != chosen.section[axis]):
            is_chosen = section.section[axis] == chosen.section[axis]
            look = TextStyle(
                8.5 if is_chosen else 7.0, "section_ink", "bold" if is_chosen else "normal", 1
            )
            string = (
                f"{'ij'[axis]} = {section.section[axis]}"
                if is_chosen
                else str(section.section[axis])
            )
            x, y = _section_middle(trace, section)
            width, height = placer.size(string, look)
            at, offset = (
                ((x, trace.y), (0.0, height / 2 + 2)),
                ((trace.x, y), (-width / 2 - 3, 0.0)),
            )[axis]
            labels.append(Label(string, at, offset, look))
        placer.write_those_that_fit(labels)


def _point_choices(placer: LabelPlacer, trace: Trace, chosen: Section) -> Iterator[list[Label]]:
    """Yield sets of labels of all points, the tidiest first; none if they are too many."""
    if len(chosen.points) > _MAX_LABELLED_POINTS:
        return
    for place in _PLACES:
        yield [_point_label(placer, trace, chosen, point, place) for point in chosen.points]


_MAX_LABELLED_POINTS = 16  # points of a section; of more, only the outermost are

# Where a label stands along y and along x, seen from its point. "apart" is above in a section's
# upper half and below in its lower; "outward" and "inward" are seen from the section's middle.
_PLACES: tuple[tuple[str, str], ...] = (
    ("apart", "centred"),
    ("above", "centred"),
    ("below", "centred"),
    ("apart", "outward"),
    ("above", "outward"),
    ("below", "outward"),
    ("level", "beside"),
    ("apart", "beside"),
    ("apart", "inward"),
)


def _point_label(
    placer: LabelPlacer, trace: Trace, chosen: Section, point: Point, place: tuple[str, str]
) -> Label:
    label = Label(_pair(trace, point.x, point.y), (point.x, point.y), (0, 0), _COORDINATES)
    width, height = placer.size(label.string, label.look)
    columns, rows = chosen.grid
    half_gap = point_spacing(placer.panel, trace, chosen)[0] / 2
    radius = (
        mark_size(placer.panel, trace, chosen) + (RING_WIDTH if chosen.winner else 0)
    ) / 2 + 1.5
    outward = np.sign(2 * point.point[0] - columns - 1)
    upward = 1 if 2 * point.point[1] <= rows + 1 else -1
    vertical, horizontal = place
    up = {"apart": upward, "above": 1, "below": -1, "level": 0}[vertical] * (radius + height / 2)
    across = {
        "centred": 0.0,
        "outward": outward * max(width / 2 - half_gap + 1.5, 0.0),
        "inward": -outward * (width / 2 - radius),
        "beside": (outward or 1) * (radius + width / 2),
    }[horizontal]
    return label.moved(float(across), up)


def _write_few_points(placer: LabelPlacer, trace: Trace, chosen: Section) -> None:
    """Write the coordinates of the winner and of the section's outermost points, if they fit."""
    columns, rows = chosen.grid
    few = [p for p in chosen.points if p.point[0] in {1, columns} and p.point[1] in {1, rows}]
    winner = chosen.winning_point
    first = [] if winner is None else [winner]
    for point in [*first, *(p for p in few if p is not winner)]:
        labels = (_point_label(placer, trace, chosen, point, place) for place in _PLACES)
        placer.write_first_that_fits([[label] for label in labels])
