"""What may surprise in an ROI Align of an ONNX model."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from roialign_cli.analysis.scaling import scale_text
from roialign_cli.calls.onnx_models.boxes import BoxStep, box_steps
from roialign_cli.core.convention import Convention

if TYPE_CHECKING:
    from roialign_cli.calls.onnx_models.listing import ListedNode

_HALF_CELL_TOLERANCE = 1e-3  # cells


@dataclass(frozen=True)
class Trap:
    """Something that may surprise.

    Parameters
    ----------
    kind
        A short name, the same for all nodes with this trap.
    text
        What it is and what to do.
    node
        The name of the node that shifts or scales the boxes; "" for a trap of the ROI Align itself.
    """

    kind: str
    text: str
    node: str = ""


_MODE = "coordinate_transformation_mode"
_RUNTIME_READS = "an importer may read another value than the standard's"


def traps_of(node: ListedNode) -> Iterator[Trap]:
    """Yield the traps of a node."""
    yield from _mode_traps(node)
    yield from _attribute_traps(node)
    half = None
    scale = node.spatial_scale or 1.0  # from the boxes before a step to cells
    for step in box_steps(node.place.scope, node.tensors.get("boxes", "")):
        if step.kind == "scale":
            scale *= step.value or 1.0
        elif half is None and _is_half_cell(step, scale):
            half = step
        if step.has_effect and not (_is_old(node) and step is half):
            is_scale = step.kind == "scale"
            yield _scale_trap(node, step) if is_scale else _shift_trap(node, step, scale)
    if _is_old(node):
        yield _old_trap(node, half)


def _is_old(node: ListedNode) -> bool:
    """Return whether this is the standard's RoiAlign, before it had a mode for coordinates."""
    row = node.operator
    return (row.op_type, row.domains, row.aligned_by) == ("RoiAlign", ("",), "")


def _is_half_cell(step: BoxStep, scale: float) -> bool:
    cells = (step.value or 0.0) * scale
    return step.kind == "shift" and math.isclose(cells, 0.5, abs_tol=_HALF_CELL_TOLERANCE)


def _old_trap(node: ListedNode, half: BoxStep | None) -> Trap:
    if half is not None:
        return Trap(
            "aligned-before-opset-16",
            f"RoiAlign of opset {node.opset} has no {_MODE}. The graph subtracts half a cell "
            "instead, as exporters do for aligned=True, but ROIs still grow to 1 × 1 cells: small "
            "boxes differ. Export at opset 16 or later.",
            half.node,
        )
    return Trap(
        "no-mode-before-opset-16",
        f"RoiAlign of opset {node.opset} has no {_MODE}: boxes are not shifted by half a cell, and "
        "ROIs grow to 1 × 1 cells. If the model was trained with aligned=True, the shift is lost; "
        "export at opset 16 or later.",
    )


def _mode_traps(node: ListedNode) -> Iterator[Trap]:
    if _MODE in node.attributes and _is_old(node):
        yield Trap(
            "mode-at-old-opset",
            f"{_MODE} is in the file, but RoiAlign of opset {node.opset} does not have it; set the "
            "opset of the model to 16 or later.",
        )
    aligned_by = node.operator.aligned_by
    if aligned_by in node.defaults:
        yield Trap(
            "mode-left-to-default",
            f"{aligned_by} is left to its default, {node.defaults[aligned_by]}: {_RUNTIME_READS}, "
            "and a model converted from opset 10 or 11 means output_half_pixel. Set the attribute."
            if node.operator.op_type == "RoiAlign"
            else f"{aligned_by} is left to its default, {node.defaults[aligned_by]}. Set the "
            "attribute.",
        )


def _attribute_traps(node: ListedNode) -> Iterator[Trap]:
    if "spatial_scale" in node.defaults:
        default = node.defaults["spatial_scale"]
        yield Trap(
            "no-spatial-scale",
            f"spatial_scale is left to its default, {default:g}: the boxes must be in cells of the "
            "feature map. If they are in pixels of the image, set the attribute to 1 / stride.",
        )
    if "sampling_ratio" in node.defaults:
        default = node.defaults["sampling_ratio"]
        meaning = "the adaptive grid" if default <= 0 else f"{default} × {default} points"
        yield Trap(
            "no-sampling-ratio",
            f"sampling_ratio is left to its default, {default}, which is {meaning}: an importer "
            "may read another one. Set the attribute.",
        )
    if node.convention is not None and _takes_products(node.convention):
        yield Trap(
            "max-of-products",
            "mode=max takes the largest weight × cell, not the largest interpolated value, so a "
            "point in the middle of four equal cells gives a quarter of their value. Other "
            "libraries and some runtimes differ.",
        )


def _takes_products(convention: Convention) -> bool:
    return convention.pooling == "max" and convention.max_of == "weighted-cell"


def _shift_trap(node: ListedNode, step: BoxStep, scale: float) -> Trap:
    if _is_half_cell(step, scale):
        if node.convention is not None and node.convention.offset:
            return Trap(
                "shifted-twice",
                "the graph subtracts half a cell from the boxes, and the operator does so again: "
                f"the shift happens twice. Remove the {step.operator}, or set the mode to "
                "output_half_pixel.",
                step.node,
            )
        text = "the graph subtracts half a cell from the boxes, in place of the operator."
        return Trap("shifted-in-graph", text, step.node)
    moved = f"the graph subtracts {_listed(step.values)} from the boxes"
    if step.value is not None:
        moved += f", {step.value * scale:g} cells"
    if step.value == 0.5:
        text = f"{moved}: half a pixel before the scale, not half a cell after it."
        return Trap("shifted-before-scale", text, step.node)
    return Trap("shifted-boxes", f"{moved}.", step.node)


def _scale_trap(node: ListedNode, step: BoxStep) -> Trap:
    then = ", and then the operator by spatial_scale" if node.spatial_scale else ""
    return Trap(
        "scaled-boxes",
        f"the graph multiplies the boxes by {_listed(step.values)}{then}: the boxes of the node "
        "are not those of the image.",
        step.node,
    )


def _listed(values: tuple[float, ...]) -> str:
    """Return numbers as text, and fractions as 1/n.

    Examples
    --------
    >>> _listed((1 / 16,)), _listed((640.0, 480.0))
    ('1/16', '640, 480')
    """
    return ", ".join(scale_text((v, v)) if 0 < v < 1 else f"{v:g}" for v in values)
