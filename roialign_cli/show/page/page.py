"""Write an explanation as a self-contained, interactive HTML page.

The texts about each section, sample point and neighbour are written here, beside the JSON of the
trace; the script of the page lays them out and marks the selection.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields, replace
from html import escape
from pathlib import Path
from string import Template
from typing import Any

import numpy as np

from roialign_cli.analysis.pitfalls import Note
from roialign_cli.analysis.records import to_json, trace_record
from roialign_cli.analysis.sections import Point, Section
from roialign_cli.analysis.trace import Trace
from roialign_cli.errors import ArgumentError
from roialign_cli.show.document.blocks import Block, Heading
from roialign_cli.show.document.explanation import NEIGHBOUR_COLUMNS, Explanation, neighbour_rows
from roialign_cli.show.document.formulas import FormulaLine, PagePart, to_page
from roialign_cli.show.document.html import to_html
from roialign_cli.show.document.points_step import border_note
from roialign_cli.show.document.steps import interpolated, weighted
from roialign_cli.show.numbers import (
    NEIGHBOUR_NAMES,
    format_grid,
    format_number,
    format_point,
    normalise,
)
from roialign_cli.show.page.scene import Scene, shade_inks
from roialign_cli.show.palette import AREAS, DARK, LIGHT, Theme

_HERE = Path(__file__).parent
MAX_PAGE_POINTS = 5000  # of some 2 kB each
MAX_PAGE_SECTIONS = 5000


def explanation_page(explanation: Explanation, notes: Sequence[Note] = ()) -> str:
    """Return an explanation as an HTML page.

    Parameters
    ----------
    explanation
        The explanation; its sections and points can be selected on the page. If all points are
        too many, only those of one section can.
    notes
        Warnings about the call, shown at the top.

    Raises
    ------
    ArgumentError
        If there are too many sections for a page, or one section has too many points.
    """
    trace = explanation.trace
    if len(trace.sections) > MAX_PAGE_SECTIONS:
        problem = f"{len(trace.sections)} sections are too many for a page; take fewer"
        raise ArgumentError("output_size", problem)
    explanation, remark = _within_limits(explanation)
    sections = explanation.selected
    remarks = [*(note.text for note in notes), *remark]
    scene = Scene(trace, sections)
    data = {
        "trace": trace_record(replace(trace, sections=sections), notes),
        "texts": _texts(explanation, sections),
        "scene": scene.record(),
    }
    body = _read("page-body.html").substitute(
        notes="".join(f'<p class="note">{escape(text)}</p>' for text in remarks),
        drawing=scene.svg(),
        legend=_legend(trace, sections),
        columns="".join(f'<th scope="col">{name}</th>' for name in NEIGHBOUR_COLUMNS),
        steps=to_html(_without_points([*explanation.introduction(), *explanation.steps()])),
        data=_script_safe(to_json(data, indent=None)),
        script=(_HERE / "page.js").read_text(encoding="utf-8"),
    )
    return _page(explanation.title(), body)


def _within_limits(explanation: Explanation) -> tuple[Explanation, list[str]]:
    """Return what of an explanation a page can hold, and what to say if that is not all.

    A page holds all points of all sections, or those of one section if all are too many.
    """
    trace, section, point = explanation.trace, explanation.section, explanation.point
    everything = section is None and point is None
    points = trace.n_points if everything else _count(trace.select(section, point))
    complete = replace(explanation, all_points=True)
    if points <= MAX_PAGE_POINTS:
        return complete, []
    problem = f"{points} points are too many for a page"
    if explanation.all_points:
        raise ArgumentError("all_points", f"{problem}; leave it out to show one section")
    chosen = explanation.example
    place = format_point(*chosen.section)
    if _count([chosen]) > MAX_PAGE_POINTS:
        problem = f"section {place} has {_count([chosen])} points, too many for a page"
        raise ArgumentError("point", f"{problem}; choose one with --point N,M")
    remark = (
        f"{problem}: only those of section {place} are shown; --section I,J chooses another one."
    )
    return replace(complete, section=chosen.section), [remark]


def _count(sections: Iterable[Section]) -> int:
    return sum(len(section.points) for section in sections)


def blocks_page(blocks: Iterable[Block]) -> str:
    """Return a document, which must begin with a heading, as an HTML page."""
    head, *others = blocks
    return _page([head], f"<main>{to_html(others)}</main>")


def _page(title: Iterable[Block], body: str) -> str:
    blocks = list(title)
    name = next(block.text for block in blocks if isinstance(block, Heading))
    style = (_HERE / "page.css").read_text(encoding="utf-8")
    return _read("page.html").substitute(
        title=escape(name),
        light=css_variables(LIGHT, style),
        dark=css_variables(DARK, style),
        style=style,
        head=to_html(blocks),
        body=body,
    )


def _read(name: str) -> Template:
    return Template((_HERE / name).read_text(encoding="utf-8"))


def css_variables(theme: Theme, style: str) -> str:
    """Return CSS variables for the colours of areas and of a theme that a style sheet uses."""
    variables = {f"--{f.name.replace('_', '-')}": getattr(theme, f.name) for f in fields(theme)}
    variables |= {f"--{name}": area for name, area in zip(NEIGHBOUR_NAMES, AREAS, strict=True)}
    used = (name for name in variables if f"var({name})" in style)
    return "".join(f"{name}:{variables[name]};" for name in used)


def _script_safe(text: str) -> str:
    """Escape JSON so that it cannot end the script element around it."""
    return text.replace("<", "\\u003c")


def _without_points(blocks: Iterable[Block]) -> Iterator[Block]:
    """Yield the blocks that are not about a single point; the page shows points one at a time."""
    about_point = False
    for block in blocks:
        if isinstance(block, Heading):
            about_point = block.level > 2
        if not about_point:
            yield block


def _texts(explanation: Explanation, sections: Sequence[Section]) -> dict[str, Any]:
    output = np.array(explanation.trace.output)
    shades = normalise(output).round(3).tolist()
    return {
        "outputs": format_grid(output),
        "shades": shades,
        "inks": [[shade_inks(share) for share in row] for row in shades],
        "sections": [_section(explanation, section) for section in sections],
    }


def _section(explanation: Explanation, section: Section) -> dict[str, Any]:
    points = [point_texts(explanation, section, point) for point in section.points]
    return section_texts(explanation, section) | {"points": points}


def section_texts(explanation: Explanation, section: Section) -> dict[str, Any]:
    """Return the title of a section and the lines that compute its output, for a script."""
    return {
        "title": f"Section {format_point(*section.section)} = {format_number(section.output)}",
        "reduced": _lines(explanation.reduced(section)),
    }


def point_texts(explanation: Explanation, section: Section, point: Point) -> dict[str, Any]:
    """Return the title, the lines and the neighbours of a sample point, for a script."""
    coordinates = _lines(explanation.coordinates(section, point))
    return value_texts(explanation, point) | {"coordinates": coordinates}


def value_texts(explanation: Explanation, point: Point) -> dict[str, Any]:
    """Return the texts of a point at any position, without the lines that compute the position."""
    trace = explanation.trace
    out = point.border == "out"
    interpolates = not out and trace.convention.points != "cells"
    return {
        "title": f"Point {format_point(*point.point)} at {format_point(point.x, point.y)} "
        f"= {format_number(point.value)}",
        "taken": format_number(point.contribution),
        "note": border_note(trace, point),
        "coordinates": [],
        "between": _lines(explanation.neighbours(point)) if interpolates else [],
        "interpolated": [] if out else _lines(interpolated(trace, point)),
        "neighbours": list(neighbour_rows(point)) if interpolates else [],
        "weighted": _lines(weighted(point)) if interpolates else [],
    }


def _lines(lines: Iterable[FormulaLine]) -> list[list[PagePart]]:
    return [to_page(line) for line in lines]


# CSS class of a point on the drawing → its meaning.
_POINT_MEANINGS = {
    "inside": "sample point",
    "clamped": "clamped to the border",
    "out": "outside, reads no cell",
    "won": "largest value: the section's output",
}


def _legend(trace: Trace, sections: Sequence[Section]) -> str:
    """Return the meanings of the marks on the drawing as an HTML list."""
    used: set[str] = {p.border for section in sections for p in section.points}
    if any(section.winner for section in sections):
        used.add("won")
    entries = [
        f'<li><svg viewBox="0 0 16 16"><circle class="point {kind}" cx="8" cy="8" r="4.5"/></svg>'
        f"{meaning}</li>"
        for kind, meaning in _POINT_MEANINGS.items()
        if kind in used
    ]
    if trace.convention.points != "cells":
        entries.append(
            '<li><svg viewBox="0 0 16 16"><rect class="neighbour" x="2" y="2" width="12" '
            'height="12"/></svg>neighbour cell of the point</li>'
        )
    return f"<ul>{''.join(entries)}</ul>"
