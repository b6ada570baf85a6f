"""Present results in a Python session: as plain text, and traces as a page in a notebook."""

from __future__ import annotations

from dataclasses import replace
from html import escape

from roialign_cli.analysis.records import Defaults
from roialign_cli.analysis.scaling import ScaleSource
from roialign_cli.analysis.trace import Trace
from roialign_cli.errors import ArgumentError
from roialign_cli.page.saved import saved_page
from roialign_cli.page.session import Session
from roialign_cli.show.document.explanation import Explanation
from roialign_cli.show.repl import summary, text, trace_summary, trace_table

__all__ = ["html", "summary", "text"]

_FRAME_HEIGHT = 900  # pixels of a page in a notebook
_SUBJECT = "the features"


def html(result: object) -> str | None:
    """Return a trace as HTML for a notebook, None for other results."""
    return _trace_html(result) if isinstance(result, Trace) else None


def _trace_html(trace: Trace) -> str:
    """Return the page of a trace in a frame, with a table for notebooks without frames."""
    table = f"<pre>{escape(trace_table(trace))}</pre>"
    try:
        page = _trace_page(trace)
    except ArgumentError:  # too many points for a page
        return table
    style = f"width: 100%; height: {_FRAME_HEIGHT}px; border: 0"
    return (
        f'<iframe srcdoc="{escape(page)}" title="{escape(trace_summary(trace))}" '
        f'style="{style}" sandbox="allow-scripts"></iframe>'
        f"<details><summary>as a table</summary>{table}</details>"
    )


def _trace_page(trace: Trace) -> str:
    session = Session(
        operation=trace.operation,
        title=_SUBJECT,
        subject=trace_summary(trace),
        names=("",),
        image=None,
        stride=None,
        source=ScaleSource(),
        defaults=Defaults(preset_of=None, reading=False, output_size=False, cells=False),
        overrides={},
        words=(),
    )
    only = replace(trace, roi=0)  # the only box of its operation
    return saved_page(session, Explanation(only, _SUBJECT))
