"""Every text and every line of every view has enough contrast to its background.

The limits are those of WCAG 2.2: 4.5 : 1 for text, 3 : 1 for lines. A text stands on its halo, on
its tab, or on the pixels behind it. A line on cells or on a photo stands on its halo, and a mark on
its edge, because the colours of cells and photos are not known in advance.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import product
from typing import Any

import numpy as np
import pytest
from matplotlib import patheffects
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backend_bases import GraphicsContextBase, RendererBase
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import Collection, LineCollection
from matplotlib.colors import to_hex, to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import FancyArrowPatch, Patch, Rectangle
from matplotlib.path import Path
from matplotlib.text import Annotation, Text
from matplotlib.transforms import IdentityTransform
from PIL import Image

from roialign_cli import PRESETS
from roialign_cli.analysis.trace import Trace, trace
from roialign_cli.cli.demo import sample_data
from roialign_cli.show.figures.compare import compare_figure
from roialign_cli.show.figures.drawing import halo
from roialign_cli.show.figures.footprint import footprint_figure
from roialign_cli.show.figures.output import output_figure
from roialign_cli.show.figures.overlay import overlay_figure
from roialign_cli.show.figures.point import point_figure
from roialign_cli.show.figures.pool import pool_figure
from roialign_cli.show.figures.sections import sections_figure
from roialign_cli.show.figures.style import FigureStyle, figure_settings
from roialign_cli.show.palette import AREAS, BOXES, DARK, LIGHT, THEMES, Theme, contrast
from tests.figure_cases import HELMET, OVER_CORNER, a_map, steps_figure
from tests.figure_checks import visible_texts
from tests.test_pictures import without_texts

MIN_TEXT_CONTRAST, MIN_LINE_CONTRAST, MIN_RAMP_CONTRAST = 4.5, 3.0, 5.0
MIN_TEXT_HALO, MIN_LINE_HALO, MIN_MARK_EDGE = 1.0, 0.5, 0.1  # points, on each side
MAX_POOR_SHARE = 0.05  # of the pixels behind a text
DPI = 100

# Lines without a halo, by their gid: what they show is also shown in another way.
DECORATION = {
    "grid",  # the edges of cells
    "centres",  # the dots in the middle of cells
    "border",  # of the map; hatching shows what is beyond it
    "guide",  # from a sample point to its ticks, and from a panel to the next one
}
ON_PAGE = {"section-edges"}  # beside the axes

# Backgrounds ------------------------------------------------------------------------------------


class _Recorder(RendererBase):
    """A renderer that records the colour and the width, in points, of the lines it draws."""

    def __init__(self) -> None:
        super().__init__()
        self.strokes: list[tuple[str, float]] = []

    def draw_path(self, gc: GraphicsContextBase, *_: Any) -> None:
        self.strokes.append((to_hex(gc.get_rgb()), float(gc.get_linewidth())))


def halo_of(artist: Artist) -> tuple[str, float] | None:
    """Return the colour of an artist's halo, and its width in points; None without a halo."""
    recorder = _Recorder()
    for effect in artist.get_path_effects() or []:
        if isinstance(effect, patheffects.Normal):  # which draws the artist itself
            continue
        gc = recorder.new_gc()
        effect.draw_path(recorder, gc, Path([(0, 0), (1, 1)]), IdentityTransform(), None)
    return max(recorder.strokes, key=lambda stroke: stroke[1], default=None)


@cache
def _contrast(one: str, other: str) -> float:
    return contrast(one, other)


# Texts ------------------------------------------------------------------------------------------


def poor_texts(figure: Figure) -> list[str]:
    """Return what is wrong with the contrast of the texts of a figure; remove its texts."""
    problems, bare = [], []
    for text in visible_texts(figure):
        colour, tab, stroke = to_hex(text.get_color()), text.get_bbox_patch(), halo_of(text)
        if stroke is not None:
            ground, width = stroke
            if width < 2 * MIN_TEXT_HALO:
                problems.append(f"{text.get_text()!r} has a halo of {width / 2:.2f} points")
        elif tab is not None and to_rgba(tab.get_facecolor())[3] == 1:
            ground = to_hex(tab.get_facecolor())
        else:
            bare.append(text)
            continue
        text.set_visible(False)
        if _contrast(colour, ground) < MIN_TEXT_CONTRAST:
            problems.append(f"{text.get_text()!r}: {colour} on {ground}")
    return problems + _poor_on_pixels(figure, bare)


def _poor_on_pixels(figure: Figure, texts: Sequence[Text]) -> list[str]:
    """Return which texts have too many pixels behind them that are too similar to the text."""
    renderer = FigureCanvasAgg(figure).get_renderer()  # type: ignore[no-untyped-call]
    with figure_settings():
        figure.get_tightbbox(renderer)  # which places the labels of ticks
        for legend in figure.legends:
            legend.draw(renderer)  # which places its texts
    extents = [np.array(text.get_window_extent(renderer).extents) / figure.dpi for text in texts]
    pixels = without_texts(figure, DPI).astype(int)
    packed = pixels @ (1 << 16, 1 << 8, 1)
    problems = []
    for text, extent in zip(texts, extents, strict=True):
        left, low, right, high = (extent * DPI).tolist()
        rows = slice(int(len(packed) - high), int(np.ceil(len(packed) - low)))
        behind = packed[rows, int(left) : int(np.ceil(right))]
        assert behind.size, text.get_text()
        colour = to_hex(text.get_color())
        poor = {
            f"#{ground:06x}": int(count)
            for ground, count in zip(*np.unique(behind, return_counts=True), strict=True)
            if _contrast(colour, f"#{ground:06x}") < MIN_TEXT_CONTRAST
        }
        share = sum(poor.values()) / behind.size
        if share >= MAX_POOR_SHARE:
            ground = max(poor, key=lambda ground: poor[ground])
            problems.append(f"{text.get_text()!r}: {colour} on {share:.0%} pixels like {ground}")
    return problems


# Lines ------------------------------------------------------------------------------------------

# A line or a mark: its colour and width, and the colour and width of what it stands on, if any.
Stroke = tuple[str, float, tuple[str, float] | None]


def poor_lines(figure: Figure, theme: Theme) -> list[str]:
    """Return what is wrong with the contrast of the lines and the marks of a figure."""
    problems = []
    for artist, on_page in _drawn_lines(figure):
        name = artist.get_gid() or f"{type(artist).__name__} at zorder {artist.get_zorder()}"
        for colour, width, ground in _strokes(artist):
            if ground is None and not on_page:
                problems.append(f"{name}: {colour} has no halo")
                continue
            behind, room = ground or (theme.ground, np.inf)
            if room < width + 2 * MIN_LINE_HALO:
                problems.append(f"{name}: the halo is too narrow, {room} points")
            if _contrast(colour, behind) < MIN_LINE_CONTRAST:
                problems.append(f"{name}: {colour} on {behind}")
    return problems


def _drawn_lines(figure: Figure) -> Iterator[tuple[Artist, bool]]:
    """Yield the artists with lines or marks that are not decoration, and if they are on the page.

    Spines and ticks belong to the axes, and are not yielded.
    """
    for axes in figure.axes:
        leaders = [
            text.arrow_patch
            for text in axes.texts
            if isinstance(text, Annotation) and text.arrow_patch is not None
        ]
        for artist in (*axes.lines, *axes.collections, *axes.patches, *leaders):
            if artist.get_gid() not in DECORATION:
                yield artist, artist.get_gid() in ON_PAGE
    for legend in figure.legends:
        yield from ((handle, True) for handle in legend.legend_handles if handle is not None)
    yield from ((line, True) for line in figure.artists if isinstance(line, Line2D))


def _strokes(artist: Artist) -> Iterator[Stroke]:
    """Yield the lines and the marks of an artist."""
    if isinstance(artist, Line2D):
        yield from _line_strokes(artist)
    elif isinstance(artist, Collection):
        is_line = isinstance(artist, LineCollection)
        colours = artist.get_edgecolor() if is_line else artist.get_facecolor()
        width = float(np.max(artist.get_linewidth())) if is_line else 0.0
        for colour in {to_hex(colour) for colour in np.atleast_2d(colours)}:
            yield colour, width, halo_of(artist)
    elif isinstance(artist, Patch):
        is_area = artist.get_fill() and to_rgba(artist.get_facecolor())[3] == 1
        is_line = isinstance(artist, FancyArrowPatch) or not is_area
        if is_line and artist.get_linewidth() and to_rgba(artist.get_edgecolor())[3]:
            yield to_hex(artist.get_edgecolor()), artist.get_linewidth(), halo_of(artist)
    else:
        raise TypeError(artist)


def _line_strokes(line: Line2D) -> Iterator[Stroke]:
    if line.get_linestyle() != "None" and len(np.atleast_1d(line.get_xdata())) > 1:
        yield to_hex(line.get_color()), line.get_linewidth(), halo_of(line)
    if line.get_marker() in {"None", None, ""}:
        return
    edge, width = to_hex(line.get_markeredgecolor()), line.get_markeredgewidth()
    face = to_rgba(line.get_markerfacecolor())
    if face[3] < 1 or line.get_marker() in {"x", "|", "_"}:
        yield edge, width, halo_of(line)
    else:  # a mark is as readable on any cell as its face is on its edge
        has_edge = width >= MIN_MARK_EDGE * min(line.get_markersize(), 5.0) and edge != to_hex(face)
        yield to_hex(face), 0.0, (edge, np.inf) if has_edge else None


# The views --------------------------------------------------------------------------------------


@cache
def photograph() -> Any:
    """Return the sample photograph, (512, 512, 3) uint8."""
    with Image.open(sample_data() / "astronaut.png") as image:
        return np.asarray(image.convert("RGB"))


def _traced(style: FigureStyle, box: Sequence[float], size: int, preset: str, **call: Any) -> Trace:
    """Return a trace on a map of 16 × 16 cells, or on a channel of the photograph."""
    cells = a_map()
    if style.photo_channel is not None:
        cells = photograph()[..., 0].reshape(16, 32, 16, 32).mean(axis=(1, 3))
    return trace(cells, [box], size, spatial_scale=1 / 32, convention=preset, **call)


def walkthrough(style: FigureStyle) -> Trace:
    return _traced(style, [296, 320, 200, 145], 3, "walkthrough")


def helmet(style: FigureStyle, preset: str = "torchvision-aligned") -> Trace:
    call = {} if PRESETS[preset].convention.reads_cells else {"sampling_ratio": 2}
    return _traced(style, HELMET, 3, preset, **call)


def corner(style: FigureStyle, **call: Any) -> Trace:
    """Return the trace of a box that has points inside, on the border of and outside the map."""
    return _traced(style, OVER_CORNER, 3, "torchvision-aligned", sampling_ratio=2, **call)


def beyond(style: FigureStyle, **call: Any) -> Trace:
    """Return the trace of a box that has points beyond the outermost centres."""
    return _traced(style, [-40, -70, 90, 100], 3, "model-garden", **call)


def boxes(style: FigureStyle) -> list[Trace]:
    """Return traces of as many boxes as there are colours, and one more."""
    others = [170, 70, 272, 190], [132, 346, 210, 424], [300, 20, 480, 200]
    traces = [_traced(style, box, 2, "torchvision-aligned") for box in others]
    return [helmet(style), *traces, corner(style)]


VIEWS: dict[str, Callable[[FigureStyle], Figure]] = {
    "steps": lambda style: steps_figure(walkthrough(style), style=style),
    "steps on a photo": lambda style: steps_figure(
        helmet(style), photograph(), stride=32, style=style
    ),
    "steps of roi-pool": lambda style: steps_figure(helmet(style, "roi-pool"), style=style),
    "steps over the corner": lambda style: steps_figure(
        corner(style, pooling="max"), section=(1, 1), style=style
    ),
    "sections": lambda style: sections_figure(walkthrough(style), style=style),
    "sections over the corner": lambda style: sections_figure(
        corner(style), section=(2, 2), style=style
    ),
    "overlay on a photo": lambda style: overlay_figure(boxes(style), photograph(), style=style),
    "overlay on a map": lambda style: overlay_figure(boxes(style), None, style=style),
    "point": lambda style: point_figure(walkthrough(style), style=style),
    "clamped point": lambda style: point_figure(
        corner(style), section=(2, 2), point=(1, 1), style=style
    ),
    "extrapolated point": lambda style: point_figure(beyond(style), section=(1, 2), style=style),
    "point beside cells outside": lambda style: point_figure(
        beyond(style, outside_neighbours="value"), section=(2, 2), style=style
    ),
    "weights of cells": lambda style: point_figure(helmet(style, "prroi-pool"), style=style),
    "steps of prroi-pool": lambda style: steps_figure(helmet(style, "prroi-pool"), style=style),
    "output": lambda style: output_figure(walkthrough(style), style=style),
    "footprint": lambda style: footprint_figure(helmet(style), section=(2, 2), style=style),
    "compare": lambda style: compare_figure(
        helmet(style), helmet(style, "torchvision"), style=style
    ),
    "compare with roi-pool": lambda style: compare_figure(
        helmet(style), helmet(style, "roi-pool"), style=style
    ),
    "compare roi-pool": lambda style: compare_figure(
        helmet(style, "roi-pool"), helmet(style), style=style
    ),
    "pool": lambda style: pool_figure(helmet(style), helmet(style, "roi-pool"), style=style),
    "pool on a photo": lambda style: pool_figure(
        helmet(style), helmet(style, "roi-pool"), photograph(), stride=32, style=style
    ),
}
# View → the colours that it is drawn in by default. The other tests are thorough.
DEFAULT = {
    "steps": ("dark", "viridis"),
    "sections over the corner": ("light", "shades"),
    "overlay on a photo": ("light", "shades"),
    "overlay on a map": ("dark", "red channel"),
    "clamped point": ("light", "gray"),
    "extrapolated point": ("dark", "shades"),
    "weights of cells": ("light", "viridis"),
    "output": ("dark", "viridis"),
    "footprint": ("light", "coolwarm"),
    "compare": ("dark", "coolwarm"),
    "pool": ("light", "shades"),
}
COLOURS: dict[str, dict[str, Any]] = {
    "shades": {},
    "viridis": {"colormap": "viridis"},
    "gray": {"colormap": "gray"},
    "coolwarm": {"colormap": "coolwarm"},
    "red channel": {"photo_channel": "red channel"},
}


def _cases() -> Iterator[Any]:
    """Yield every view, theme and colours that belong together."""
    for view, theme, colours in product(VIEWS, THEMES, COLOURS):
        if view == "overlay on a photo" and "colormap" in COLOURS[colours]:
            continue  # no cells are drawn
        marks = () if DEFAULT.get(view) == (theme, colours) else pytest.mark.thorough
        yield pytest.param(view, theme, colours, marks=marks)


@pytest.mark.parametrize(("view", "theme", "colours"), [*_cases()])
def test_texts_and_lines_are_readable(view: str, theme: str, colours: str) -> None:
    style = FigureStyle(theme=THEMES[theme], **COLOURS[colours])
    figure = VIEWS[view](style)
    assert poor_lines(figure, style.theme) + poor_texts(figure) == []


# The tests above would fail ---------------------------------------------------------------------


def _small_page(theme: Theme = LIGHT) -> tuple[Figure, Axes]:
    """Return a page with axes that a cell of a medium grey fills."""
    with figure_settings(theme):
        figure = Figure(figsize=(2, 1))
        axes = figure.add_axes((0, 0, 1, 1))
    axes.imshow([[0.5]], cmap="gray", vmin=0, vmax=1, aspect="auto")
    axes.set_axis_off()
    return figure, axes


GREY = "#808080"


@pytest.mark.parametrize(
    ("properties", "problem"),
    [
        ({"color": "#000000"}, None),
        ({"color": "#333333"}, "'text': #333333 on 100% pixels like #808080"),
        ({"color": GREY, "path_effects": halo("#000000")}, None),
        ({"color": GREY, "path_effects": halo("#FFFFFF")}, "'text': #808080 on #ffffff"),
        (
            {"color": GREY, "path_effects": halo("#000000", 0, 0.7)},
            "'text' has a halo of 0.70 points",
        ),
        ({"color": GREY, "bbox": {"facecolor": "#000000"}}, None),
        ({"color": GREY, "bbox": {"facecolor": "#FFFFFF"}}, "'text': #808080 on #ffffff"),
        (
            {"color": GREY, "bbox": {"facecolor": "none"}},
            "'text': #808080 on 100% pixels like #808080",
        ),
    ],
)
def test_a_poor_text_is_found(properties: dict[str, Any], problem: str | None) -> None:
    figure, axes = _small_page()
    axes.text(0, 0, "text", ha="center", **properties)
    assert poor_texts(figure) == [problem] * (problem is not None)


RED, PINK = "#D00000", "#FF9090"
FULL: dict[str, Any] = {"marker": "o", "ls": "none"}
HOLLOW: dict[str, Any] = FULL | {"mfc": "none"}


@pytest.mark.parametrize(
    ("properties", "problem"),
    [
        ({"color": RED}, "a: #d00000 has no halo"),
        ({"color": RED, "gid": "grid"}, None),
        ({"color": RED, "path_effects": halo("#FFFFFF", 1.5, 0.6)}, None),
        ({"color": PINK, "path_effects": halo("#FFFFFF", 1.5, 0.6)}, "a: #ff9090 on #ffffff"),
        (
            {"color": RED, "path_effects": halo("#FFFFFF", 1.5, 0.2)},
            "a: the halo is too narrow, 1.9 points",
        ),
        ({"color": PINK, "gid": "section-edges"}, "section-edges: #ff9090 on #FFFFFF"),
        ({"color": RED, "mec": "#FFFFFF"} | FULL, None),
        ({"color": PINK, "mec": "#FFFFFF"} | FULL, "a: #ff9090 on #ffffff"),
        ({"color": RED, "mec": RED} | FULL, "a: #d00000 has no halo"),
        ({"color": RED, "mec": "#FFFFFF", "mew": 0} | FULL, "a: #d00000 has no halo"),
        ({"color": RED} | HOLLOW, "a: #d00000 has no halo"),
        ({"color": RED, "path_effects": halo("#FFFFFF", 1.0, 0.6)} | HOLLOW, None),
    ],
)
def test_a_poor_line_is_found(properties: dict[str, Any], problem: str | None) -> None:
    figure, axes = _small_page()
    line = Line2D([-0.4, 0.4], [0, 0], linewidth=1.5, gid="a")
    line.set(**properties)
    axes.add_line(line)
    assert poor_lines(figure, LIGHT) == [problem] * (problem is not None)


def test_poor_outlines_arrows_and_legends_are_found() -> None:
    figure, axes = _small_page()
    axes.add_patch(Rectangle((0, 0), 0.2, 0.2, fill=False, edgecolor=RED))
    axes.add_collection(LineCollection([[(0, 0), (0.2, 0.2)]], colors=RED))
    axes.quiver(0, 0, 0.2, 0.2, color=RED)
    axes.annotate("", (0, 0), (0.2, 0.2), arrowprops={"arrowstyle": "->", "color": RED})
    figure.legend(handles=[Line2D([], [], color=PINK, label="a")])
    problems = poor_lines(figure, LIGHT)
    assert [problem.partition(": ")[2] for problem in problems] == [
        *["#d00000 has no halo"] * 4,
        "#ff9090 on #FFFFFF",
    ]


# The palette ------------------------------------------------------------------------------------


@pytest.mark.parametrize("theme", THEMES)
def test_the_ends_of_the_shades_differ_clearly(theme: str) -> None:
    low, high = THEMES[theme].values
    assert contrast(low, high) >= MIN_RAMP_CONTRAST


@pytest.mark.parametrize("area", AREAS)
def test_black_text_is_readable_on_the_areas(area: str) -> None:
    assert contrast("#000000", area) >= MIN_TEXT_CONTRAST


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_the_border_of_the_map_is_visible_on_the_area_beyond_it(theme: Theme) -> None:
    assert contrast(theme.ink, theme.outside) >= MIN_LINE_CONTRAST


@pytest.mark.parametrize("theme", [LIGHT, DARK])
@pytest.mark.parametrize("colour", BOXES)
def test_every_box_has_a_halo_to_stand_on(colour: str, theme: Theme) -> None:
    assert contrast(colour, theme.halo(colour)) >= MIN_LINE_CONTRAST
