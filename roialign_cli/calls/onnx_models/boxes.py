"""Follow the boxes of an ROI Align back through its graph: what shifts and scales them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from roialign_cli.calls.onnx_models.damage import NodeProto
from roialign_cli.calls.onnx_models.model import Scope
from roialign_cli.calls.onnx_models.values import constant, decimal

# Operators that select, join or reshape boxes and leave the numbers as they are.
_PASSING = {
    "Cast", "Concat", "Flatten", "Gather", "GatherElements", "GatherND", "Identity", "Reshape",
    "Slice", "Split", "Squeeze", "Transpose", "Unsqueeze",
}  # fmt: skip
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
    values
        What is subtracted from the coordinates, or their factors: one number for all of them, or
        four.
    """

    node: str
    operator: str
    kind: str
    values: tuple[float, ...]

    @property
    def value(self) -> float | None:
        """The number for all coordinates; None if they differ."""
        return self.values[0] if len(self.values) == 1 else None

    @property
    def has_effect(self) -> bool:
        """Whether the step changes the boxes."""
        return self.value != (0.0 if self.kind == "shift" else 1.0)


def box_steps(scope: Scope, boxes: str) -> list[BoxStep]:
    """Return what shifts and scales the boxes, from the last node to the first.

    Only operations with a constant count.

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
    if node.op_type not in _MEANINGS or len(node.input) != 2:
        return None
    first, second = node.input
    numbers, source = _numbers(constant(scope, second)), first
    if not numbers and node.op_type in {"Add", "Mul"}:
        numbers, source = _numbers(constant(scope, first)), second
    if not numbers or (node.op_type == "Div" and 0 in numbers):
        return None
    kind, meaning = _MEANINGS[node.op_type]
    name = node.name or f"{node.op_type} of {source}"
    values = tuple(decimal(meaning(number)) for number in numbers)
    return BoxStep(name, node.op_type, kind, values), source


# Operator → the kind of a step, and what it subtracts or multiplies by.
_MEANINGS: Mapping[str, tuple[str, Callable[[float], float]]] = {
    "Sub": ("shift", lambda number: number),
    "Add": ("shift", lambda number: -number),
    "Mul": ("scale", lambda number: number),
    "Div": ("scale", lambda number: 1 / number),
}


def _numbers(array: NDArray[np.generic] | None) -> tuple[float, ...]:
    """Return the number of a constant for all coordinates, or four; empty for other constants.

    The first of five numbers is for a batch index, which stays as it is.
    """
    if array is None or array.size not in {1, 4, 5}:
        return ()
    numbers = array.ravel().astype(float).tolist()[-4:]
    return tuple(numbers[:1] if len({*numbers}) == 1 else numbers)
