"""Convert the listing of a model to plain data for JSON."""

from __future__ import annotations

from typing import Any

from roialign_cli.calls.onnx_models.listing import ListedNode, Listing


def listing_record(listing: Listing) -> dict[str, Any]:
    """Return the listing of a model as plain data."""
    return {
        "version": 1,
        "model": listing.path,
        "producer": listing.producer,
        "opset": listing.opset,
        "inputs": [
            {"name": one.name, "dtype": one.dtype.name, "shape": one.shape}
            for one in listing.inputs
        ],
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
