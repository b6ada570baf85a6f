"""Show the calls of a recording: two tables, the pyramids, the empty calls and what is missing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from roialign_cli.analysis.scaling import scale_option
from roialign_cli.calls.recording import Recording
from roialign_cli.calls.records import call_record
from roialign_cli.printable import printable
from roialign_cli.show.document.blocks import Block, Grid, Paragraph
from roialign_cli.show.numbers import format_count, format_indices


def recording_listing(recording: Recording, reasons: Mapping[str, str]) -> Iterator[Block]:
    """Yield the document of a recording.

    Parameters
    ----------
    recording
        The recording.
    reasons
        The name of each node of a model that is not recorded, and why.
    """
    both = zip(recording.files, recording.descriptions, strict=True)
    calls = [call_record(file, description) for file, description in both]
    pyramids = [group for group in recording.pyramids() if len(group) > 1]
    grouped = f", in {format_count(len(pyramids), 'pyramid', 'pyramids')}" if pyramids else ""
    count = format_count(len(calls), "recorded call", "recorded calls")
    yield Paragraph(f"{printable(recording.path)}: {count}{grouped}")
    yield Grid(
        ("#", "output", "scale", "features", "boxes", "preset"),
        tuple((str(n), *_row(call)) for n, call in enumerate(calls)),
        prose=True,
    )
    yield Grid(
        ("#", "file", "recorded from"),
        tuple((str(n), *_origin(call)) for n, call in enumerate(calls)),
        prose=True,
        compact=True,
    )
    yield Paragraph("")
    yield from _remarks(calls, pyramids, reasons)


def _remarks(
    calls: Sequence[Mapping[str, Any]], pyramids: Sequence[list[int]], reasons: Mapping[str, str]
) -> Iterator[Block]:
    for group in pyramids:
        yield Paragraph(f"• {format_indices(sorted(group))} are the levels of a pyramid.")
    empty = [n for n, call in enumerate(calls) if not call["boxes"]]
    if empty:
        yield Paragraph(f"• Empty, because the operator got no boxes: {format_indices(empty)}.")
    for node, why in reasons.items():
        yield Paragraph(printable(f"• Not recorded: {node}, because {why}."))


def _row(call: Mapping[str, Any]) -> tuple[str, ...]:
    scale = call["spatial_scale"]
    pair = scale if isinstance(scale, tuple) else (scale, scale)
    return (
        "{} × {}".format(*call["output_size"]),
        "–" if scale is None else scale_option(pair),
        " × ".join(map(str, call["features"])),
        str(call["boxes"]),
        call["preset"] or "unknown",
    )


def _origin(call: Mapping[str, Any]) -> tuple[str, str]:
    """Return the file of a call, and its node or line, or else its operator."""
    return printable(call["file"]), printable(call["node"] or call["operator"] or "–")
