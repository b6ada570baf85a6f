"""`roialign explain`: the explanation of one ROI."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from roialign_cli.analysis.pyramid_records import level_record
from roialign_cli.analysis.quantisation import quantised_by_roi_pool
from roialign_cli.analysis.records import trace_record
from roialign_cli.analysis.scaling import ScaleSource
from roialign_cli.analysis.trace import Trace, trace_operation
from roialign_cli.cli.document import Document
from roialign_cli.cli.inputs import Inputs, scale_source
from roialign_cli.errors import ArgumentError
from roialign_cli.show.document.explanation import Explanation
from roialign_cli.show.document.level_step import level_step

if TYPE_CHECKING:
    from roialign_cli.analysis.pitfalls import Note
    from roialign_cli.cli.options import OperatorOptions, Selection
    from roialign_cli.cli.pyramids import PyramidInputs
    from roialign_cli.page.session import Session
    from roialign_cli.show.document.blocks import Block

MAX_EXPLAINED_POINTS = 50_000  # 50 MB of JSON, and a few seconds


@dataclass(frozen=True)
class Extent:
    """How much of an ROI to explain.

    Parameters
    ----------
    all_points
        Whether to explain every section and point.
    intro
        Whether to begin with an introduction; None begins with one unless a section or a point is
        selected.
    sketch_columns
        The width of a drawing in text, in characters; 0 for no drawing.
    """

    all_points: bool
    intro: bool | None
    sketch_columns: int

    def introduces(self, selection: Selection) -> bool:
        """Return whether the text begins with an introduction."""
        if self.intro is not None:
            return self.intro
        return self.all_points or (selection.section is None and selection.point is None)


def roi_document(
    inputs: Inputs,
    options: OperatorOptions,
    selection: Selection,
    extent: Extent,
    notes: Sequence[Note],
    pyramid: PyramidInputs | None = None,
) -> Document:
    """Return the explanation of one ROI.

    Parameters
    ----------
    inputs
        The operation and the features as they were read.
    options
        The options that determined the scale.
    selection
        The ROI, and the channel, section and point to explain.
    extent
        How much to explain.
    notes
        The warnings that the page and the JSON list.
    pyramid
        The pyramid of which `inputs` are one map; None for a single map.
    """
    operation, roi, channel = inputs.operation, selection.roi or 0, selection.channel
    trace = trace_operation(operation, roi, channel)
    rounded = quantised_by_roi_pool(operation, roi)
    # The scale of a level is not that of an option.
    source = scale_source(options, inputs) if pyramid is None else ScaleSource()
    if extent.all_points:
        _check_length(trace, selection)
    explanation = Explanation(
        trace,
        inputs.file.title,
        selection.section,
        selection.point,
        all_points=extent.all_points,
        introduced=extent.introduces(selection),
        rounded=rounded,
        scale_source=source,
        defaults=inputs.defaults,
        sketch_columns=extent.sketch_columns,
    )

    def record() -> dict[str, object]:
        _check_length(trace, selection)
        selected = trace.select(selection.section, selection.point)
        found = trace_record(replace(trace, sections=selected), notes, source, rounded)
        found |= options.call_record
        if pyramid is not None:
            found["pyramid"] = level_record(pyramid.operation, roi)
        return found

    def page() -> str:
        from roialign_cli.page.saved import saved_page

        # A page is about all sections, whichever it shows first.
        whole = replace(explanation, introduced=extent.intro is not False)
        return saved_page(_session(inputs, options, pyramid, roi), whole, notes)

    def blocks() -> list[Block]:
        level = [] if pyramid is None else [*level_step(pyramid.operation, roi)]
        title, explained = [*explanation.title()], [*explanation.blocks()]
        return title + level + explained[len(title) :]

    return Document(blocks, page, record)


def _session(
    inputs: Inputs, options: OperatorOptions, pyramid: PyramidInputs | None, roi: int
) -> Session:
    """Return the session of the page of one map, or of a pyramid."""
    from roialign_cli.cli.page_session import page_session, pyramid_session

    if pyramid is None:
        return page_session(inputs, options)
    return pyramid_session(pyramid, options, roi)


def _check_length(trace: Trace, selection: Selection) -> None:
    """Raise an `ArgumentError` if there are too many points to explain all of them."""
    if selection.section is not None:
        return
    points = trace.n_points if selection.point is None else len(trace.sections)
    if points > MAX_EXPLAINED_POINTS:
        problem = f"ROI {trace.roi} has {points} sample points, too many to print"
        raise ArgumentError("section", f"{problem}; choose a section with --section I,J")
