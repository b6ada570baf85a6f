"""Follow the boxes of an ROI Align back through its graph: what shifts and scales them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from roialign_cli.calls.onnx_damage import NodeProto
from roialign_cli.calls.onnx_model import Scope
from roialign_cli.calls.onnx_values import constant, decimal

# Operators that select, join or reshape boxes and leave the numbers as they are.
_PASSING = {
    "Cast", "Concat", "Flatten", "Gather", "GatherElements", "GatherND", "Identity", "Reshape",
    "Slice", "Split", "Squeeze", "Transpose", "Unsqueeze",
}  # fmt: skip
_ARITHMETIC = {"Sub", "Add", "Mul", "Div"}
_MAX_VISITED = 64  # values
_MAX_INPUTS = 8  # of a Concat; boxes are joined from few parts


@dataclass(frozen=True)
class BoxStep:
    """An operation with a constant on the boxes, before an ROI Align.

    Parameters
    ----------
    node
        The name of the node.
    operator
        Its operator: "Sub", "Add", "Mul" or "Div".
    kind
        "shift" or "scale".
    value
        What is subtracted from the coordinates, or their factor.
    """

    node: str
    operator: str
    kind: str
    value: float


def box_steps(scope: Scope, boxes: str) -> list[BoxStep]:
    """Return what shifts and scales the boxes, from the last node to the first.

    Only operations that treat all coordinates equally, with a constant, count.

    Parameters
    ----------
    scope
        The graph of the ROI Align.
    boxes
        The name of its input with the boxes.
    """
    steps: list[BoxStep] = []
    for owner, name in _values_before(scope, boxes):
        node = owner.producers.get(name)
        found = None if node is None else _step(owner, node)
        if found is not None:
            steps.append(found[0])
    return steps


def inputs_before(scope: Scope, value: str) -> list[str]:
    """Return the names of the graph's inputs that a value has its numbers from.

    Examples are the boxes of a model with boxes as an input, which are often sliced, scaled or
    shifted before the operator.
    """
    return [name for owner, name in _values_before(scope, value) if name in owner.inputs]


def _values_before(scope: Scope, value: str) -> Iterator[tuple[Scope, str]]:
    """Yield a value and those that it has its numbers from, nearest first, with their graphs."""
    waiting, visited = [value], {value}
    while waiting and len(visited) < _MAX_VISITED:
        name = waiting.pop(0)
        owner = scope.defining(name)
        if owner is None:
            continue
        yield owner, name
        node = owner.producers.get(name)
        for source in [] if node is None else _sources(owner, node):
            if source and source not in visited:
                visited.add(source)
                waiting.append(source)


def _sources(scope: Scope, node: NodeProto) -> list[str]:
    """Return the inputs of a node that its output has its numbers from."""
    found = _step(scope, node)
    if found is not None:
        return [found[1]]
    if node.op_type not in _PASSING:
        return []
    return list(node.input[:_MAX_INPUTS] if node.op_type == "Concat" else node.input[:1])


def _step(scope: Scope, node: NodeProto) -> tuple[BoxStep, str] | None:
    """Return what a node does with a constant to its other input, and the name of that input."""
    if node.op_type not in _ARITHMETIC or len(node.input) != 2:
        return None
    first, second = node.input
    value, source = _single(constant(scope, second)), first
    if value is None and node.op_type in {"Add", "Mul"}:
        value, source = _single(constant(scope, first)), second
    if value is None or (node.op_type == "Div" and not value):
        return None
    kind, amount = _meaning(node.op_type, value)
    name = node.name or f"{node.op_type} of {source}"
    return BoxStep(name, node.op_type, kind, decimal(amount)), source


def _meaning(operator: str, value: float) -> tuple[str, float]:
    """Return the kind of a step, and what it subtracts or multiplies by."""
    if operator in {"Sub", "Add"}:
        return "shift", value if operator == "Sub" else -value
    return "scale", value if operator == "Mul" else 1 / value


def _single(array: NDArray[np.generic] | None) -> float | None:
    """Return the only number of a constant; a batch index in front of it may stay as it is."""
    if array is None or array.size == 0:
        return None
    numbers = array.ravel().astype(float)
    if numbers.size == 5:
        numbers = numbers[1:]
    return float(numbers[0]) if np.all(numbers == numbers[0]) else None
