"""Make values of an ONNX model its outputs, also values in branches."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from roialign_cli.calls.onnx_models.damage import Graph, Model
from roialign_cli.calls.onnx_models.library import onnx_module
from roialign_cli.calls.onnx_models.model import Scope

_PREFIX = "roialign_capture"
_BRANCHES = ("then_branch", "else_branch")


class Value(NamedTuple):
    """A value of a model.

    Parameters
    ----------
    scope
        The graph in which it is defined: the main graph, or a branch.
    name
        Its name there.
    element_type
        The number of its data type, as in ONNX files.
    axes
        The number of its axes.
    """

    scope: Scope
    name: str
    element_type: int
    axes: int


def expose(model: Model, values: Iterable[Value]) -> dict[Value, str]:
    """Make values outputs of a model, and return the name of the output that has each.

    A value in a branch that does not run becomes an output without elements.

    Parameters
    ----------
    model
        The model, which is changed. It has the same nodes as the one with the scopes.
    values
        The values.
    """
    found = {}
    named = {output.name for output in model.graph.output}
    computed = {output for node in model.graph.node for output in node.output}
    for number, value in enumerate(values):
        name = value.name
        if value.scope.parent is not None:
            name = _lifted(model, value, f"{_PREFIX}_{number}")
        elif name not in computed:  # a weight or an input cannot be an output itself
            name = f"{_PREFIX}_{number}"
            _add_identity(model.graph, value.name, name)
        if name not in named:
            model.graph.output.append(onnx_module().ValueInfoProto(name=name))
            named.add(name)
        found[value] = name
    return found


def _lifted(model: Model, value: Value, prefix: str) -> str:
    """Make a value of a branch a value of the main graph, and return its name there."""
    name, scope, depth = value.name, value.scope, 0
    while scope.parent is not None and scope.owner is not None:
        outer = f"{prefix}_{depth}"
        choice = _graph_of(model, scope.parent).node[scope.owner.index]
        graphs = {attribute.name: attribute.g for attribute in choice.attribute}
        for branch in _BRANCHES:
            inner = f"{outer}_{branch}"
            if branch == scope.steps[-1]:
                _add_identity(graphs[branch], name, inner)
            else:
                _add_empty(graphs[branch], value, inner)
            declare = onnx_module("onnx.helper").make_tensor_value_info
            graphs[branch].output.append(declare(inner, value.element_type, None))
        choice.output.append(outer)
        name, scope, depth = outer, scope.parent, depth + 1
    return name


def _graph_of(model: Model, scope: Scope) -> Graph:
    """Return the graph of a model that is at the place of a scope."""
    if scope.parent is None or scope.owner is None:
        return model.graph
    node = _graph_of(model, scope.parent).node[scope.owner.index]
    return next(attribute.g for attribute in node.attribute if attribute.name == scope.steps[-1])


def _add_identity(graph: Graph, value: str, name: str) -> None:
    make = onnx_module("onnx.helper").make_node
    graph.node.append(make("Identity", [value], [name]))


def _add_empty(graph: Graph, value: Value, name: str) -> None:
    """Add a constant without elements, of the type and with the number of axes of a value."""
    tensor = onnx_module().TensorProto(data_type=value.element_type, dims=[0] * value.axes)
    make = onnx_module("onnx.helper").make_node
    graph.node.append(make("Constant", [], [name], value=tensor))
