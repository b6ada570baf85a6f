"""Convert the listing of a model to plain data for JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from roialign_cli.calls.call import Call
from roialign_cli.calls.onnx_listing import ListedNode, Listing


def listing_record(listing: Listing) -> dict[str, Any]:
    """Return the listing of a model as plain data."""
    return {
        "version": 1,
        "model": listing.path,
        "producer": listing.producer,
        "opset": listing.opset,
        "nodes": [_node_record(node) for node in listing.nodes],
        "pyramids": listing.pyramids,
    }


def _node_record(node: ListedNode) -> dict[str, Any]:
    convention = node.convention
    return {
        "name": node.place.name,
        "graph": list(node.place.scope.steps),
        "domain": node.place.domain,
        "operator": node.place.node.op_type,
        "opset": node.opset,
        "attributes": dict(node.attributes),
        "defaults": dict(node.defaults),
        "preset": None if convention is None else convention.name,
        "fields": node.fields,
        "why_unknown": node.why_unknown,
        "output_size": node.output_size,
        "spatial_scale": node.spatial_scale,
        "shapes": dict(node.shapes),
        "traps": [{"trap": t.kind, "text": t.text, "node": t.node} for t in node.traps],
        "why_not_recorded": node.why_not_recorded,
    }


def call_record(file: str, node: ListedNode, call: Call) -> dict[str, Any]:
    """Return what a call of a recording is, as plain data."""
    return {
        "file": file,
        "node": node.place.name,
        "features": list(call.features.shape),
        "boxes": len(call.boxes),
        "preset": call.preset,
        "level": None if call.level is None else asdict(call.level),
    }


def recording_record(
    folder: str, calls: list[dict[str, Any]], reasons: Mapping[str, str]
) -> dict[str, Any]:
    """Return a written recording as plain data.

    Parameters
    ----------
    folder
        The folder.
    calls
        What `call_record` returns for each call.
    reasons
        The name of each node that is not recorded, and why.
    """
    not_recorded = [{"node": node, "why": why} for node, why in reasons.items()]
    return {"version": 1, "recording": folder, "calls": calls, "not_recorded": not_recorded}
