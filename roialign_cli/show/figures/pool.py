"""ROI Pool and ROI Align on the same box, side by side, with both outputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from roialign_cli.analysis.comparison import difference
from roialign_cli.analysis.quantisation import Quantisation, Side, quantise
from roialign_cli.analysis.trace import Trace
from roialign_cli.core.boxes import Float
from roialign_cli.show.figures.drawing import (
    draw_grid,
    draw_outside,
    draw_photo,
    outside_entries,
)
from roialign_cli.show.figures.geometry import Sides, picture_sides
from roialign_cli.show.figures.labels import Label, LabelPlacer, TextStyle
from roialign_cli.show.figures.map_area import draw_map, draw_roi, map_panel, write_values
from roialign_cli.show.figures.marks import (
    MAX_DRAWN_POINTS,
    draw_sections_points,
    roi_entries,
    section_entries,
)
from roialign_cli.show.figures.output import output_spec
from roialign_cli.show.figures.page import Panel
from roialign_cli.show.figures.panels import PanelSpec
from roialign_cli.show.figures.phrases import Phrase
from roialign_cli.show.figures.roi_labels import keep_points_clear, write_numbers
from roialign_cli.show.figures.style import DEFAULT_STYLE, FigureStyle, figure_settings
from roialign_cli.show.figures.two_maps import two_map_panels
from roialign_cli.show.figures.wording import (
    format_decimals,
    format_significant,
    gain_words,
    map_parts,
    sections_count,
)
from roialign_cli.show.palette import Theme
from roialign_cli.show.view import roi_view

_STRIP_TEXT = TextStyle(7.5, "ink", "bold", pad=1.0)


def pool_figure(
    trace: Trace,
    pooled: Trace,
    image: NDArray[np.uint8] | None = None,
    *,
    stride: int = 1,
    style: FigureStyle = DEFAULT_STYLE,
) -> Figure:
    """Draw how ROI Pool rounds a box to cells, ROI Align on the same box, and both outputs.

    Parameters
    ----------
    trace
        The trace of one ROI and channel under a convention of ROI Align.
    pooled
        The trace of the same ROI and channel under a convention of ROI Pool, in the same frame.
    image
        (H, W, 3) or (H, W), uint8: the image that the map was made from; None draws the cells.
    stride
        Pixels of the image per cell.
    style
        The style of the figure.
    """
    outputs = np.array(pooled.output), np.array(trace.output)
    change = difference(*outputs)
    trace, pooled = (side.on_map_of(trace.example) for side in (trace, pooled))
    view = roi_view(pooled).joined(roi_view(trace))
    with figure_settings(style.theme):
        panels = two_map_panels(
            _specs(style, trace, pooled),
            style,
            trace,
            (*outputs, change),
            title=_title(trace),
            subtitle=[sections_count(trace), *map_parts(trace, style), _result(change)],
            legend=_legend(style.theme, trace, pooled) + outside_entries(style.theme, trace, view),
        )
        for panel, side in zip(panels, (pooled, trace), strict=True):
            _draw_ground(panel, side, image, stride)
            draw_roi(panel, side)
            write_numbers(panel, side)
        _draw_strips(panels[0], quantise(pooled))
        placer = LabelPlacer(panels[0])
        _write_strips(placer, quantise(pooled))
        shown = trace.sections if trace.n_points <= MAX_DRAWN_POINTS else ()
        draw_sections_points(panels[1], trace, shown)
        if image is None:
            write_values(placer, pooled)
            placer = LabelPlacer(panels[1])
            keep_points_clear(placer, trace, shown)
            write_values(placer, trace)
    return panels[0].figure


def _name(trace: Trace) -> str:
    """Return what headings call the operator that is compared with ROI Pool."""
    return "PrRoI Pool" if trace.convention.points == "integral" else "ROI Align"


def _title(trace: Trace) -> str:
    if trace.convention.edge_rounding != "none":
        return f"ROI Pool and {trace.convention.name} both round the box"
    return f"ROI Pool rounds the box to whole cells; {_name(trace)} does not"


def _result(change: Float) -> str:
    if not np.isfinite(change).all():
        return "some outputs are a number in one only"
    return f"largest difference {format_significant(float(np.abs(change).max(initial=0.0)))}"


def _specs(style: FigureStyle, trace: Trace, pooled: Trace) -> list[list[PanelSpec]]:
    view = roi_view(pooled).joined(roi_view(trace))
    whole = trace.section_width, trace.section_height
    width, height = (format_decimals(size) for size in whole)
    size = Phrase(f"sections of {width} × {height} cells")
    stories = {
        f"ROI Pool ({pooled.convention.name})": _rounding_story(quantise(pooled)),
        f"{_name(trace)} ({trace.convention.name})": ([size],),
    }
    panels = [map_panel(trace, view, style, *texts) for texts in stories.items()]
    names = (
        f"ROI Pool: {pooled.convention.pooling}",
        f"{_name(trace)}: {trace.convention.pooling}",
        f"{_name(trace)} − ROI Pool",
    )
    return [panels, [output_spec(np.array(trace.output), name) for name in names]]


def _rounding_story(rounded: Quantisation) -> tuple[list[Phrase], ...]:
    """Return the size of the box before and after rounding, in cells."""
    before, after = (
        f"{format_decimals(box.width)} × {format_decimals(box.height)}"
        for box in (rounded.box, rounded.rounded)
    )
    return ([Phrase(f"box of {before} cells,"), Phrase(f"rounded to {after}")],)


def _legend(theme: Theme, trace: Trace, pooled: Trace) -> list[Artist]:
    shown = trace.sections if trace.n_points <= MAX_DRAWN_POINTS else ()
    entries = roi_entries(theme, pooled)
    gained = [side.gained for side in quantise(pooled).sides]
    if max(gained) > 0:
        entries.append(Patch(**_strip_style(theme.more), label="strip gained"))
    if min(gained) < 0:
        entries.append(Patch(**_strip_style(theme.less), label="strip lost"))
    return entries + section_entries(theme, trace, shown)


def _draw_ground(panel: Panel, trace: Trace, image: NDArray[np.uint8] | None, stride: int) -> None:
    """Draw the image with the edges of the cells, or the map if there is no image."""
    if image is None:
        draw_map(panel, trace)
        return
    draw_outside(panel)
    height, width = image.shape[0] / stride, image.shape[1] / stride
    draw_photo(panel, image, picture_sides(trace, width, height))
    rows, columns = trace.map_size
    top, bottom = (trace.frame.row_edge(row) for row in (0, rows))
    draw_grid(panel, Sides(0, columns, top, bottom), columns, rows)


# The strips -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Strip:
    """A strip that rounding adds to a box or cuts off, and where its label stands.

    `label_at` is a position in cells, `right` and `up` the direction from there to the label.
    """

    sides: Sides
    side: Side
    label_at: tuple[float, float]
    right: int
    up: int


def _strips(rounded: Quantisation) -> list[_Strip]:
    """Return the strips between a box and the rounded box; an empty or inverted box has none."""
    if rounded.enlarged:
        return []
    box, cells = rounded.box, rounded.rounded
    left, right, top, bottom = rounded.sides
    x, y = (cells.left + cells.right) / 2, (cells.top + cells.bottom) / 2
    high, low = cells.top, cells.bottom
    strips = [
        _Strip(Sides(cells.left, box.left, high, low), left, (cells.left, y), -1, 0),
        _Strip(Sides(box.right, cells.right, high, low), right, (cells.right, y), 1, 0),
        _Strip(Sides(box.left, box.right, high, box.top), top, (x, high), 0, 1),
        _Strip(Sides(box.left, box.right, box.bottom, low), bottom, (x, low), 0, -1),
    ]
    return [strip for strip in strips if strip.side.gained]


def _strip_style(colour: str) -> dict[str, Any]:
    """Return a tint with hatching, which shows on a photograph of any colour."""
    return {"facecolor": colour + "66", "edgecolor": colour, "hatch": "////", "linewidth": 0}


def _draw_strips(panel: Panel, rounded: Quantisation) -> None:
    """Tint the strips that rounding adds to the box and those that it cuts off."""
    theme = panel.theme
    for strip in _strips(rounded):
        gained = strip.side.gained > 0
        patch = strip.sides.patch(**_strip_style(theme.more if gained else theme.less))
        patch.set(zorder=2.7, gid="gained" if gained else "lost")
        panel.axes.add_patch(patch)


def _write_strips(placer: LabelPlacer, rounded: Quantisation) -> None:
    """Write beside the ROI how many image pixels, or cells, each side gains or loses."""
    for strip in _strips(rounded):
        string = gain_words(strip.side)
        label = Label(string, strip.label_at, _STRIP_TEXT)
        width, height = placer.size(string, _STRIP_TEXT)
        offset = strip.right * (width / 2 + 3), strip.up * (height / 2 + 3)
        if not placer.write_first_that_fits([[label.moved(*offset)]]):
            placer.write_near(label, 8.0)
