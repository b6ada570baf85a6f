"""An explanation as one page that nothing has to be fetched for: a drawing to point at.

What the page says of a section, a point or a neighbour is written here, beside the trace as it is
documented; the page's script lays it out and marks what is chosen.
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
from roialign_cli.show.document.formulas import FormulaLine, to_page
from roialign_cli.show.document.html import to_html
from roialign_cli.show.document.steps import interpolated, weighted
from roialign_cli.show.numbers import format_column, format_number, format_point, normalise
from roialign_cli.show.page.scene import Scene
from roialign_cli.show.palette import DARK, LIGHT, Theme

_HERE = Path(__file__).parent
_MOST = 5000  # points, of some 2 kB each, or sections


def explanation_page(explanation: Explanation, notes: Sequence[Note] = ()) -> str:
    """Return an explanation as an HTML page.

    Raises
    ------
    ArgumentError
        If there are too many points for a page.
    """
    trace, sections = explanation.trace, explanation.selected
    points = sum(len(section.points) for section in sections)
    if points > _MOST:
        problem = f"{points} points are too many for a page; tell of one with --section I,J"
        raise ArgumentError("section", problem)
    if len(trace.sections) > _MOST:
        problem = f"{len(trace.sections)} sections are too many for a page; take fewer"
        raise ArgumentError("output_size", problem)
    scene = Scene(trace, sections)
    data = {
        "trace": trace_record(replace(trace, sections=sections), notes),
        "told": _told(explanation, sections),
        "scene": scene.record(),
    }
    body = _read("page-body.html").substitute(
        notes="".join(f'<p class="note">{escape(note.text)}</p>' for note in notes),
        drawing=scene.svg(),
        legend=_legend(trace, sections),
        columns="".join(f'<th scope="col">{name}</th>' for name in NEIGHBOUR_COLUMNS),
        steps=to_html(_without_points(explanation.steps())),
        data=_script_safe(to_json(data, indent=None)),
        script=(_HERE / "page.js").read_text(encoding="utf-8"),
    )
    return _page(explanation.title(), body)


def blocks_page(blocks: Iterable[Block]) -> str:
    """Return a document that begins with a heading as an HTML page."""
    head, *others = blocks
    return _page([head], f"<main>{to_html(others)}</main>")


def _page(title: Iterable[Block], body: str) -> str:
    blocks = list(title)
    name = next(block.text for block in blocks if isinstance(block, Heading))
    style = (_HERE / "page.css").read_text(encoding="utf-8")
    return _read("page.html").substitute(
        title=escape(name),
        light=_variables(LIGHT, style),
        dark=_variables(DARK, style),
        style=style,
        head=to_html(blocks),
        body=body,
    )


def _read(name: str) -> Template:
    return Template((_HERE / name).read_text(encoding="utf-8"))


def _variables(theme: Theme, style: str) -> str:
    """Return those of a theme's colours that a style sheet uses as its variables."""
    variables = {f"--{f.name.replace('_', '-')}": getattr(theme, f.name) for f in fields(theme)}
    used = (name for name in variables if f"var({name})" in style)
    return "".join(f"{name}:{variables[name]};" for name in used)


def _script_safe(text: str) -> str:
    """Return JSON in which nothing ends the element that it stands in."""
    return text.replace("<", "\\u003c")


def _without_points(blocks: Iterable[Block]) -> Iterator[Block]:
    """Yield what does not tell of single points, which the page shows one at a time."""
    inside = False
    for block in blocks:
        if isinstance(block, Heading):
            inside = block.level > 2
        if not inside:
            yield block


def _told(explanation: Explanation, sections: Sequence[Section]) -> dict[str, Any]:
    trace = explanation.trace
    output = np.array(trace.output)
    return {
        "outputs": np.reshape(format_column(output.ravel().tolist()), output.shape).tolist(),
        "shades": normalise(output).round(3).tolist(),
        "sections": [_section(explanation, section) for section in sections],
    }


def _section(explanation: Explanation, section: Section) -> dict[str, Any]:
    return {
        "title": f"Section {format_point(*section.section)} = {format_number(section.output)}",
        "reduced": _lines(explanation.reduced(section)),
        "points": [_point(explanation, section, point) for point in section.points],
    }


def _point(explanation: Explanation, section: Section, point: Point) -> dict[str, Any]:
    trace = explanation.trace
    out = point.border == "out"
    alone = out or trace.convention.points == "cells"
    return {
        "title": f"Point {format_point(*point.point)} at {format_point(point.x, point.y)} "
        f"= {format_number(point.value)}",
        "taken": format_number(point.contribution),
        "note": explanation.border_words(point),
        "coordinates": _lines(explanation.coordinates(section, point)),
        "interpolated": [] if out else _lines(interpolated(trace, point)),
        "neighbours": [] if alone else list(neighbour_rows(point)),
        "weighted": [] if alone else _lines(weighted(point)),
    }


def _lines(lines: Iterable[FormulaLine]) -> list[list[str | tuple[str, str]]]:
    return [to_page(line) for line in lines]


# Class of a point on the drawing → what it is.
_MARKS = {
    "inside": "sample point",
    "clamped": "clamped to the border",
    "out": "outside, reads no cell",
    "won": "largest value: the section's output",
}


def _legend(trace: Trace, sections: Sequence[Section]) -> str:
    """Return what the marks that there are mean."""
    there: set[str] = {p.border for section in sections for p in section.points}
    if any(section.winner for section in sections):
        there.add("won")
    entries = [
        f'<li><svg viewBox="0 0 16 16"><circle class="point {kind}" cx="8" cy="8" r="4.5"/></svg>'
        f"{meaning}</li>"
        for kind, meaning in _MARKS.items()
        if kind in there
    ]
    if trace.convention.points != "cells":
        entries.append(
            '<li><svg viewBox="0 0 16 16"><rect class="neighbour" x="2" y="2" width="12" '
            'height="12"/></svg>neighbour cell of the point</li>'
        )
    return f"<ul>{''.join(entries)}</ul>"
