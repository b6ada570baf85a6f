"""Convert a recording to plain data for JSON and for its listing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from roialign_cli.calls.archive import call_sizes
from roialign_cli.calls.call import Description
from roialign_cli.calls.recording import Recording


def recording_record(recording: Recording, reasons: Mapping[str, str]) -> dict[str, Any]:
    """Return a recording as plain data.

    Parameters
    ----------
    recording
        The recording.
    reasons
        The name of each node of a model that is not recorded, and why.
    """
    both = zip(recording.files, recording.descriptions, strict=True)
    return {
        "version": 1,
        "recording": recording.path,
        "calls": [call_record(file, description) for file, description in both],
        "not_recorded": [{"node": node, "why": why} for node, why in reasons.items()],
    }


def call_record(file: str, description: Description) -> dict[str, Any]:
    """Return what a call of a recording is, as plain data."""
    shape, boxes = call_sizes(file)
    level = description.level
    return {
        "file": Path(file).name,
        "node": description.place,
        "operator": description.operator,
        "features": list(shape),
        "boxes": boxes,
        "output_size": description.output_size,
        "spatial_scale": description.spatial_scale,
        "preset": description.preset,
        "level": None if level is None else asdict(level),
    }
