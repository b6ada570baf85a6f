"""An ROI on the cells: its sections, the sample points of one of them, the cells' values.

Everything is drawn where the trace says it is; the only computation is that of places for texts.
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
    map_panel,
    section_room,
    value_look,
    write_values,
)
from roialign_cli.show.figures.marks import (
    RING,
    draw_sections_points,
    mark_size,
    point_spacing,
    section_entries,
)
from roialign_cli.show.figures.paper import PAPER, FigureStyle, style
from roialign_cli.show.figures.sheet import (
    SMALLEST_TEXT,
    colour_bar,
    new_sheet,
    outside_entries,
    significant,
    titled,
    written,
)
from roialign_cli.show.view import View, beyond_map, roi_view, shown_cells


def sections_figure(
    trace: Trace, *, section: tuple[int, int] = (1, 1), paper: FigureStyle = PAPER
) -> Figure:
    """Draw an ROI on the cells, with its sections and the sample points of one of them.

    Parameters
    ----------
    trace
        One ROI and channel.
    section
        (i, j), the section whose points are drawn.
    paper
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
    with style(paper.theme):
        look = value_look(trace.cells[shown_cells(trace, view)], view, paper)
        beside = DIMENSION_ROOM + (_BAR_ROOM if look is None else 0.0)
        sheet = new_sheet(
            map_panel(trace, view, paper, above=DIMENSION_ROOM, beside=beside),
            paper,
            title=_sections_title(trace, chosen),
            legend=_sections_legend(paper, trace, chosen, view, values=look is not None),
        )
        image = draw_map(sheet, trace)
        draw_roi(sheet, trace, chosen)
        draw_sections_points(sheet, trace, [chosen])
        texts = LabelPlacer(sheet)
        write_dimensions(texts, trace)
        _write_sections(texts, trace, chosen)
        if look is not None:
            used = {(n.x, n.y) for p in chosen.points for n in p.neighbours}
            write_values(texts, trace, look, used)
        elif image is not None:
            colour_bar(sheet, image, DIMENSION_ROOM)
    return sheet.figure


DIMENSION_ROOM, _BAR_ROOM = 26.0, 44.0


def _sections_title(trace: Trace, chosen: Section) -> list[str]:
    columns, rows = chosen.grid
    i, j = chosen.section
    count = columns * rows
    many = f"{columns} × {rows} points" if count > 1 else ("1 point" if count else "no points")
    pooling = trace.convention.pooling
    return titled(
        trace, f"{pooling} of {many}", f"section ({i}, {j}) = {significant(chosen.output)}"
    )


def _sections_legend(
    paper: FigureStyle, trace: Trace, chosen: Section, view: View, *, values: bool
) -> list[Artist]:
    entries = section_entries(paper.theme, [chosen], always=False)
    entries += outside_entries(paper.theme, beyond=beyond_map(trace, view))
    cells = trace.cells[shown_cells(trace, view)]
    if not values and not np.isfinite(cells).all():
        entries.append(Patch(facecolor=paper.theme.not_a_number, label="not a finite number"))
    return entries


# Texts ------------------------------------------------------------------------------------------

_DIMENSION = TextStyle(9.5, "roi", "bold")
_CORNER = TextStyle(8.5, "ink", "bold")
_SECTION_SIZES = 9.5, 8.5, 7.5, SMALLEST_TEXT
_COORDINATES = TextStyle(SMALLEST_TEXT + 0.3, "point", "bold")

# Where in a section a text may stand: its middle first, then corners.
_ANCHORS = ((0, 0), (0, 1), (-1, 1), (1, 1), (-1, -1), (1, -1))


def write_dimensions(texts: LabelPlacer, trace: Trace) -> None:
    """Write the ROI's width over the axes, its height beside them, and its top-left corner."""
    sheet = texts.sheet
    axes = sheet.axes
    bottom = trace.bottom
    over = blended_transform_factory(axes.transData, axes.transAxes) + sheet.shifted(0, 8)
    beside = blended_transform_factory(axes.transAxes, axes.transData) + sheet.shifted(8, 0)
    look: dict[str, Any] = {"color": sheet.theme.roi, "linewidth": 1.2, "clip_on": False, "ms": 7}
    right = trace.x + trace.width
    axes.add_line(Line2D([trace.x, right], [1, 1], marker="|", transform=over, **look))
    axes.add_line(Line2D([1, 1], [trace.y, bottom], marker="_", transform=beside, **look))
    across, along = f"width {written(trace.width)}", f"height {written(trace.height)}"
    view = sheet.view
    x = _within(texts, across, (trace.x + right) / 2, view.left, view.right)
    y = _within(texts, along, (trace.y + bottom) / 2, view.low, view.high)
    font: dict[str, Any] = {"size": _DIMENSION.size, "color": sheet.theme.roi, "weight": "bold"}
    font |= {"ha": "center", "va": "center"}
    axes.text(x, 1, across, transform=over + sheet.shifted(0, 9), **font)
    axes.text(1, y, along, transform=beside + sheet.shifted(9, 0), rotation=90, **font)


def _within(texts: LabelPlacer, string: str, middle: float, low: float, high: float) -> float:
    """Return a middle for a text between two ends of the axes, as near as can be to that wished."""
    half = texts.size(string, _DIMENSION)[0] / texts.sheet.scale / 2
    return (low + high) / 2 if high - low < 2 * half else min(max(middle, low + half), high - half)


def write_coordinates(texts: LabelPlacer, trace: Trace, chosen: Section) -> None:
    """Write the coordinates of a section's points, or of as many as find room."""
    _keep_points_clear(texts, trace, chosen)
    if not texts.write_first_free(list(_point_choices(texts, trace, chosen))):
        _write_few_points(texts, trace, chosen)


def write_numbers(texts: LabelPlacer, trace: Trace) -> None:
    """Write (i, j) in every section, or i and j along the ROI's sides."""
    numbered = _section_choices(texts, trace)
    if not (numbered and texts.write_first_free(numbered)):
        _write_numbers_outside(texts, trace, trace.sections[0])


def write_corner(texts: LabelPlacer, trace: Trace) -> None:
    """Write where the ROI's top-left corner is."""
    texts.keep_clear(trace.x, trace.y, 3)
    texts.write_first_free([[label] for label in _corner_choices(texts, trace)])


def _keep_points_clear(texts: LabelPlacer, trace: Trace, chosen: Section) -> None:
    size = mark_size(texts.sheet, trace, chosen)
    for point in chosen.points:
        texts.keep_clear(point.x, point.y, size / 2)
    winner = chosen.winning_point
    if winner is not None:
        texts.keep_clear(winner.x, winner.y, (size + RING) / 2 + 1)


def _write_sections(texts: LabelPlacer, trace: Trace, chosen: Section) -> None:
    """Write the corner, the sections' (i, j) and the points' coordinates, each where it is free."""
    _keep_points_clear(texts, trace, chosen)
    numbered = _section_choices(texts, trace)
    if not numbered:
        _write_numbers_outside(texts, trace, chosen)
    write_corner(texts, trace)
    pointed = list(_point_choices(texts, trace, chosen))
    both = [[*some, *others] for some, others in product(numbered or [[]], pointed)]
    if not texts.write_first_free(both):
        if not texts.write_first_free(numbered):
            _write_tab(texts, trace, chosen, numbered)
        _write_few_points(texts, trace, chosen)


def _write_tab(
    texts: LabelPlacer, trace: Trace, chosen: Section, numbered: Sequence[Sequence[Label]]
) -> None:
    """Write (i, j) in the sections, and that of the one whose points leave no room on a tab."""
    if not numbered:
        return
    look = TextStyle(numbered[0][0].look.size, "ground", "bold", 2.0, "section_ink")
    string = "({}, {})".format(*chosen.section)
    width, height = texts.size(string, look)
    room = section_room(texts.sheet, trace)
    middle = _section_middle(trace, chosen)
    side, up = (room[0] - width) / 2, (room[1] + height) / 2 + 1
    places = ((-side, up), (0.0, up), (side, up), (-side, -up), (0.0, -up), (side, -up))
    texts.write_each_free([label for label in numbered[0] if label.string != string])
    texts.write_first_free([[Label(string, middle, place, look)] for place in places])


def _corner_choices(texts: LabelPlacer, trace: Trace) -> list[Label]:
    label = Label(_pair(trace, trace.x, trace.y), (trace.x, trace.y), (0, 0), _CORNER)
    width, height = texts.size(label.string, label.look)
    right, up = width / 2, height / 2 + 3
    places = (
        (right, up), (right, up + 10), (-right, up), (-right - 4, 0), (0, up), (0, up + 10),
        (right + 4, -up), (-right, -up), (right, -up - 10),
    )  # fmt: skip
    return [label.moved(*place) for place in places]


def _pair(trace: Trace, x: float, y: float) -> str:
    finest = min(abs(trace.section_width), abs(trace.section_height))
    decimals = 2 if finest >= 0.1 or not finest else min(int(2 - np.log10(finest)), 8)
    return f"({written(x, decimals)}, {written(y, decimals)})"


def _section_choices(texts: LabelPlacer, trace: Trace) -> list[list[Label]]:
    """Return sets of all (i, j), one a place in the sections; none if they do not fit in them."""
    room = section_room(texts.sheet, trace)
    longest = "({}, {})".format(*trace.sections[-1].section)
    for size in _SECTION_SIZES:
        look = TextStyle(size, "section_ink", "bold")
        width, height = texts.size(longest, look)
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


def _write_numbers_outside(texts: LabelPlacer, trace: Trace, chosen: Section) -> None:
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
            width, height = texts.size(string, look)
            at, offset = (
                ((x, trace.y), (0.0, height / 2 + 2)),
                ((trace.x, y), (-width / 2 - 3, 0.0)),
            )[axis]
            labels.append(Label(string, at, offset, look))
        texts.write_each_free(labels)


def _point_choices(texts: LabelPlacer, trace: Trace, chosen: Section) -> Iterator[list[Label]]:
    """Yield sets of labels of all points, the tidiest first; none if they are too many."""
    if len(chosen.points) > _MOST_LABELLED:
        return
    for place in _PLACES:
        yield [_point_label(texts, trace, chosen, point, place) for point in chosen.points]


_MOST_LABELLED = 16  # points of a section; of more, only the outermost are

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
    texts: LabelPlacer, trace: Trace, chosen: Section, point: Point, place: tuple[str, str]
) -> Label:
    label = Label(_pair(trace, point.x, point.y), (point.x, point.y), (0, 0), _COORDINATES)
    width, height = texts.size(label.string, label.look)
    columns, rows = chosen.grid
    half_gap = point_spacing(texts.sheet, trace, chosen)[0] / 2
    radius = (mark_size(texts.sheet, trace, chosen) + (RING if chosen.winner else 0)) / 2 + 1.5
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


def _write_few_points(texts: LabelPlacer, trace: Trace, chosen: Section) -> None:
    """Write the coordinates of the winner and of the section's outermost points, if they fit."""
    columns, rows = chosen.grid
    few = [p for p in chosen.points if p.point[0] in {1, columns} and p.point[1] in {1, rows}]
    winner = chosen.winning_point
    first = [] if winner is None else [winner]
    for point in [*first, *(p for p in few if p is not winner)]:
        labels = (_point_label(texts, trace, chosen, point, place) for place in _PLACES)
        texts.write_first_free([[label] for label in labels])
