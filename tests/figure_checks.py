"""What is read off figures, and what must be true of each of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Annotation, Text
from matplotlib.transforms import Bbox

from roialign_cli.analysis.sections import Section
from roialign_cli.analysis.trace import Trace
from roialign_cli.core.boxes import Float
from roialign_cli.show.figures.geometry import section_spans
from roialign_cli.show.figures.style import figure_settings
from roialign_cli.show.palette import DARK, LIGHT

MIN_SIZE = 7.0  # points
_TOLERANCE = 0.5  # pixels of 200 per inch


# What is drawn ----------------------------------------------------------------------------------


def drawn(figure: Figure, prefix: str = "points-") -> set[tuple[float, float]]:
    """Return where the points of a figure are, in data coordinates."""
    return drawn_on(figure.axes[0], prefix)


def drawn_on(axes: Axes, prefix: str = "points-") -> set[tuple[float, float]]:
    """Return where the points on these axes are."""
    lines = [line for line in axes.lines if str(line.get_gid()).startswith(prefix)]
    return {(x, y) for line in lines for x, y in np.asarray(line.get_xydata()).tolist()}


def shown_output(axes: Axes) -> Any:
    """Return the output that is drawn on these axes."""
    drawn_output = axes.images[0].get_array()
    assert drawn_output is not None
    return np.ma.filled(drawn_output, np.nan)


def visible_texts(figure: Figure) -> list[Text]:
    return [t for t in figure.findobj(Text, include_self=False) if t.get_visible() and t.get_text()]


def strings(figure: Figure) -> list[str]:
    """Return what is written on a figure."""
    return [text.get_text() for text in visible_texts(figure)]


def story(figure: Figure) -> str:
    """Return the texts of a figure that are on no axes, in the order in which they are read."""
    texts = (text.get_text() for text in figure.texts)
    return " ".join(" ".join(texts).split())


def points_of(trace: Trace, sections: Sequence[Section]) -> set[tuple[float, float]]:
    """Return where the sample points of sections are; conventions that read cells have none."""
    if trace.convention.reads_cells:
        return set()
    return {(p.x, p.y) for section in sections for p in section.points}


def cell_values(trace: Trace, values: Float | None = None) -> dict[tuple[float, float], float]:
    """Return the values of the cells, or other values of them, by the centre of the cell."""
    shown = trace.cells if values is None else values
    x, y = (
        [to_frame(index) for index in range(count)]
        for to_frame, count in ((trace.frame.x, shown.shape[1]), (trace.frame.y, shown.shape[0]))
    )
    return {(x[column], y[row]): float(value) for (row, column), value in np.ndenumerate(shown)}


# What must be true ------------------------------------------------------------------------------


Placed = list[tuple[Text, Bbox]]  # the texts, and where each is with its tab, in pixels


def check_figure(figure: Figure, *traces: Trace) -> None:
    """Assert that a figure can be drawn without a warning, and that its texts can be read.

    The traces are those whose sections are on the axes; the last one is on all further axes.
    """
    placed = _placed(figure)
    _check_texts(figure, placed)
    _check_labels(figure, placed, traces)


def check_texts(figure: Figure) -> None:
    """Assert that no text lies on another text, on a mark or on the axes of another panel.

    Nothing leaves the page, and no text is too small to read.
    """
    _check_texts(figure, _placed(figure))


def check_labels(figure: Figure, *traces: Trace) -> None:
    """Assert that no label is larger than what it labels; the traces are as in `check_figure`."""
    _check_labels(figure, _placed(figure), traces)


def _check_texts(figure: Figure, placed: Placed) -> None:
    written = [text.get_text() for text, _ in placed]
    boxes = np.array([box.extents for _, box in placed])
    clashes = np.argwhere(np.triu(_overlapping(boxes, boxes), k=1))
    assert [(written[a], written[b]) for a, b in clashes] == []
    assert [*_leaving(figure, placed)] == []
    assert [*_covering_marks(figure, placed)] == []
    assert [*_on_axes(figure, placed)] == []
    assert [*_crossed_by_leaders(placed)] == []
    assert min(float(text.get_fontsize()) for text, _ in placed) >= MIN_SIZE


def _check_labels(figure: Figure, placed: Placed, traces: Sequence[Trace]) -> None:
    assert [*_wide_numbers(placed, figure, traces)] == []
    assert [*_wide_values(placed)] == []


def _placed(figure: Figure) -> Placed:
    """Draw a figure and return its texts."""
    with figure_settings():
        figure.draw_without_rendering()  # which is when texts are placed
        renderer = FigureCanvasAgg(figure).get_renderer()  # type: ignore[no-untyped-call]
        placed = []
        for text in visible_texts(figure):
            extent = Text.get_window_extent(text, renderer)
            tab = text.get_bbox_patch()
            if tab is not None:
                extent = Bbox.union([extent, tab.get_window_extent(renderer)])
            placed.append((text, extent))
    return placed


def _overlapping(first: Float, second: Float) -> Any:
    """Return which of n boxes overlap which of m: (n, m), bool."""
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    return (high > low).all(axis=-1)


def _leaving(figure: Figure, placed: Placed) -> Iterator[str]:
    """Yield the texts and the artists that leave the page."""
    page = figure.bbox
    others = [(artist, artist.get_window_extent()) for artist in _unclipped(figure)]
    for artist, box in [*placed, *others]:
        if box.x0 < 0 or box.y0 < 0 or box.x1 > page.width or box.y1 > page.height:
            yield str(artist)


def _unclipped(figure: Figure) -> Iterator[Artist]:
    """Yield the artists, apart from texts, that may reach beyond their axes."""
    yield from figure.axes
    yield from figure.legends
    for axes in figure.axes:
        yield from (a for a in (*axes.lines, *axes.patches) if not a.get_clip_on())


def _covering_marks(figure: Figure, placed: Placed) -> Iterator[tuple[str, str]]:
    """Yield the texts that cover the mark of a sample point, and the axes of the mark."""
    boxes = np.array([box.extents for _, box in placed])
    for axes in figure.axes:
        for line in axes.lines:
            if str(line.get_gid()).startswith(("points-", "other-", "marked")):
                nearest, radius = _distances(axes, line, boxes)
                for index in np.flatnonzero(nearest < radius):
                    yield placed[index][0].get_text(), str(line.get_gid())


def _distances(axes: Axes, line: Line2D, boxes: Float) -> tuple[Float, float]:
    """Return the distance of each box to the nearest mark of a line, and the radius of a mark."""
    radius = line.get_markersize() / 2 * axes.figure.dpi / 72
    middles = axes.transData.transform(np.asarray(line.get_xydata()))
    view = axes.bbox
    shown = ((middles >= view.min) & (middles <= view.max)).all(axis=1)
    middles = middles[shown][:, None]
    if not len(middles):
        return np.full(len(boxes), np.inf), radius
    outside = np.maximum(np.maximum(boxes[:, :2] - middles, middles - boxes[:, 2:]), 0)
    return np.hypot(*np.moveaxis(outside, -1, 0)).min(axis=0), radius


def _on_axes(figure: Figure, placed: Placed) -> Iterator[str]:
    """Yield the texts between the panels that reach into the axes of a panel."""
    own = {id(text) for text in (*figure.texts, *(t for lg in figure.legends for t in lg.texts))}
    for text, box in placed:
        if id(text) in own and any(axes.bbox.overlaps(box) for axes in figure.axes):
            yield text.get_text()


def _crossed_by_leaders(placed: Placed) -> Iterator[tuple[str, str]]:
    """Yield pairs of a label with a leader line and a text that the line crosses."""
    for text, box in placed:
        if isinstance(text, Annotation) and text.arrow_patch is not None and text.get_text():
            target = text.axes.transData.transform(text.xy)  # type: ignore[union-attr]
            middle = np.array([(box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2])
            along = middle + np.linspace(0, 1, 60)[:, None] * (target - middle)
            for other, where in placed:
                if other is not text and any(where.contains(x, y) for x, y in along):
                    yield text.get_text(), other.get_text()


# Labels and what they label ---------------------------------------------------------------------


def _wide_numbers(placed: Placed, figure: Figure, traces: Sequence[Trace]) -> Iterator[str]:
    """Yield the numbers of sections that do not fit between the edges of their section."""
    for text, box in placed:
        axis = _numbered_axis(text)
        if axis is None or not isinstance(text.axes, Axes):
            continue
        n = int(text.get_text().split()[-1])
        trace = traces[min(figure.axes.index(text.axes), len(traces) - 1)]
        first, last = _spans(text.axes, trace)[axis][n - 1]
        ends = text.axes.transData.transform([(first, first), (last, last)])[:, axis]
        low, high = sorted(ends.tolist())
        # The box of a text is higher than its digits.
        half = float(text.get_fontsize()) / 2 * figure.dpi / 72
        middle = (box.y0 + box.y1) / 2
        start, end = (box.x0, box.x1) if axis == 0 else (middle - half, middle + half)
        if start < low - _TOLERANCE or end > high + _TOLERANCE:
            yield text.get_text()


def _numbered_axis(text: Text) -> int | None:
    """Return 0 or 1 if a text is the number of a section along x or y."""
    is_number = re.fullmatch(r"([ij] = )?\d+", text.get_text())
    if not is_number or text.get_color() not in {LIGHT.section_ink, DARK.section_ink}:
        return None
    return 0 if text.get_horizontalalignment() == "center" else 1


def _spans(axes: Axes, trace: Trace) -> tuple[Any, Any]:
    """Return where the sections on these axes start and end, along x and y."""
    rows, columns = np.shape(trace.output)
    is_output = axes.get_xlim() == (0, columns) and axes.get_ylim() == (rows, 0)
    if is_output and not axes.get_xticks().size:
        return [(n, n + 1) for n in range(columns)], [(n, n + 1) for n in range(rows)]
    return section_spans(trace)


def _wide_values(placed: Placed) -> Iterator[str]:
    """Yield the values that do not fit in their cells."""
    for text, box in placed:
        if not isinstance(text, Annotation) or text.axes is None or text.arrow_patch is not None:
            continue
        x, y = text.xy
        if not _is_number(text.get_text()) or x % 1 != 0.5:
            continue
        corners = text.axes.transData.transform([(x - 0.5, y - 0.5), (x + 0.5, y + 0.5)])
        low, high = corners.min(axis=0) - _TOLERANCE, corners.max(axis=0) + _TOLERANCE
        if (box.min < low).any() or (box.max > high).any():
            yield text.get_text()


def check_values(axes: Axes, values: Mapping[tuple[float, float], float]) -> None:
    """Assert that the values written on these axes are those of the cells, as they are rounded."""
    for text in axes.texts:
        if not isinstance(text, Annotation) or not _is_number(text.get_text()):
            continue
        x, y = text.xy
        _check_number(text.get_text(), values[float(x), float(y)])


def check_written(axes: Axes, trace: Trace, section: tuple[int, int]) -> None:
    """Assert that the values on these axes are those of the map, and of a section's points.

    The cells of a section without points have their weights, or products of values and weights.
    """
    trace = trace.on_map_of(section)
    values, points = cell_values(trace), trace.section(*section).points
    if trace.convention.points != "integral":
        check_values(axes, values | {(p.x, p.y): p.contribution for p in points})
        return
    weights = {(p.x, p.y): sum(n.weight for n in p.neighbours) for p in points}
    for text in axes.texts:
        at = tuple(map(float, text.xy)) if isinstance(text, Annotation) else ()
        string = text.get_text()
        if len(at) == 2 and (at in weights) and re.fullmatch(r"[^(]*", string):
            value, _, weight = string.rpartition("\n× ")
            _check_number(weight, weights[at[0], at[1]])
            if value:
                _check_number(value, values[at[0], at[1]])
        elif len(at) == 2 and _is_number(string):
            _check_number(string, values[at[0], at[1]])


def _check_number(string: str, value: float) -> None:
    """Assert that a text is a value as it is rounded."""
    string = string.replace("−", "-")
    if not np.isfinite(value):
        assert string == f"{value:g}"
        return
    digits, _, exponent = string.partition("e")
    unit = 10.0 ** (int(exponent or 0) - len(digits.partition(".")[2]))
    assert float(string) == pytest.approx(value, rel=1e-6, abs=0.5001 * unit)


def _is_number(string: str) -> bool:
    try:
        float(string.replace("−", "-"))
    except ValueError:
        return False
    return True
