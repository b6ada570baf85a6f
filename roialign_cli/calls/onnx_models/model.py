"""Read an ONNX file, and walk over its graphs: also those of branches, loops and functions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from roialign_cli.calls.onnx_models.damage import (
    Graph,
    Model,
    NodeProto,
    damage_of,
    subgraphs,
)
from roialign_cli.calls.onnx_models.library import onnx_module
from roialign_cli.errors import FileError
from roialign_cli.files.reading import TOO_LARGE, open_input

_MAX_BYTES = (1 << 31) - 1  # of a protobuf message
_EXPORT_AGAIN = "export the model again"


def load_model(name: str) -> Model:
    """Read an ONNX file without the external data of its weights.

    Raises
    ------
    RoiAlignError
        If the package onnx is not installed.
    FileError
        If the file cannot be read, or is not an ONNX model.
    """
    with open_input(name) as content:
        model = onnx_module().ModelProto()
        try:
            data = content.read(_MAX_BYTES + 1)
            if len(data) > _MAX_BYTES:
                problem = "is larger than 2 GB; save the weights of the model as external data"
                raise FileError(name, problem)
            model.ParseFromString(data)
        except MemoryError:
            raise FileError(name, TOO_LARGE) from None
        except OSError as error:
            raise FileError(name, f"cannot be read: {error.strerror}") from None
        except onnx_module("google.protobuf.message").DecodeError:
            problem = f"is damaged or not an ONNX model; {_EXPORT_AGAIN}"
            raise FileError(name, problem) from None
    if not (model.ir_version and model.HasField("graph") and model.graph.node):
        raise FileError(name, "is not an ONNX model with operators; name a .onnx file")
    problem = damage_of(model)
    if problem:
        raise FileError(name, f"is damaged: {problem}; {_EXPORT_AGAIN}")
    return model


@dataclass(frozen=True, eq=False)
class Scope:
    """A graph or a function of a model, and the graph around it.

    Parameters
    ----------
    graph
        The graph or the function.
    opsets
        Domain → version, as the model or the function imports it.
    steps
        How to get to the graph, such as ``("If_3", "then_branch")``; empty for the main graph.
    kind
        "main", "subgraph" or "function".
    parent
        The graph around a subgraph, the values of which the subgraph can use.
    owner
        The node of the graph around that has the subgraph.
    """

    graph: Graph
    opsets: Mapping[str, int]
    steps: tuple[str, ...] = ()
    kind: str = "main"
    parent: Scope | None = None
    owner: Place | None = None

    @cached_property
    def producers(self) -> dict[str, NodeProto]:
        """Name of a value → the node of this graph that computes it."""
        return {output: node for node in self.graph.node for output in node.output if output}

    @cached_property
    def initializers(self) -> dict[str, Any]:
        """Name of a weight of this graph → its tensor; a function has none."""
        if self.kind == "function":
            return {}
        return {tensor.name: tensor for tensor in self.graph.initializer}

    @cached_property
    def inputs(self) -> set[str]:
        """The names of the inputs of this graph or function."""
        named = self.graph.input
        return {*named} if self.kind == "function" else {value.name for value in named}

    def opset(self, domain: str) -> int:
        """Return the version of a domain; 1 if it is not imported."""
        return self.opsets.get("" if domain == "ai.onnx" else domain, 1)

    def loop(self) -> Place | None:
        """Return the innermost loop around the graph; None if there are only branches."""
        scope: Scope | None = self
        while scope is not None and scope.owner is not None:
            if scope.owner.node.op_type != "If":
                return scope.owner
            scope = scope.parent
        return None

    def defining(self, name: str) -> Scope | None:
        """Return the innermost scope in which a value is defined; None for an unknown value."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.producers or name in scope.initializers or name in scope.inputs:
                return scope
            scope = scope.parent
        return None


@dataclass(frozen=True, eq=False)
class Place:
    """A node and the graph that it is in."""

    node: NodeProto
    scope: Scope
    index: int

    @property
    def name(self) -> str:
        """The name of the node; its operator and its number in the graph if it has none."""
        return self.node.name or f"{self.node.op_type} (node {self.index})"

    @property
    def domain(self) -> str:
        """The domain of the operator; "" for the standard's."""
        return "" if self.node.domain == "ai.onnx" else str(self.node.domain)


def walk(model: Model) -> list[Place]:
    """Return all nodes of the main graph, of branches and loops, and then of functions.

    Calls of the model's own functions are left out.
    """
    opsets = _opsets(model)
    scopes = [Scope(model.graph, opsets)]
    for function in model.functions:
        steps = (f"function {function.domain}::{function.name}",)
        scopes.append(Scope(function, {**opsets, **_opsets(function)}, steps, "function"))
    own = {(function.domain, function.name) for function in model.functions}
    return [
        place
        for scope in scopes
        for place in _places(scope)
        if (place.node.domain, place.node.op_type) not in own
    ]


def main_opset(model: Model) -> int:
    """Return the version of the standard's operators in the main graph."""
    return _opsets(model).get("", 1)


def _opsets(owner: Any) -> dict[str, int]:  # noqa: ANN401
    return {
        "" if entry.domain == "ai.onnx" else entry.domain: entry.version
        for entry in owner.opset_import
    }


def _places(scope: Scope) -> Iterator[Place]:
    """Yield the nodes of a graph, each before those of its subgraphs."""
    # The nesting is limited by that of a message, which the parser limits.
    for index, node in enumerate(scope.graph.node):
        place = Place(node, scope, index)
        yield place
        for name, graph in subgraphs(node):
            steps = (*scope.steps, place.name, name)
            yield from _places(Scope(graph, scope.opsets, steps, "subgraph", scope, place))


def expanded_size(model: Model, limit: int) -> int | None:
    """Return the number of nodes after the functions are inlined; None beyond the limit.

    None also if a function calls itself, directly or through other functions.
    """
    functions = {(f.domain, f.name): f for f in model.functions}
    sizes: dict[tuple[str, str], int | None] = {}

    def size_of(graph: Graph, opened: tuple[tuple[str, str], ...]) -> int | None:
        total = 0
        for place in _places(Scope(graph, {})):
            key = (place.node.domain, place.node.op_type)
            inner: int | None = 1
            if key in functions:
                if key in opened or len(opened) > _MAX_FUNCTION_DEPTH:
                    return None
                if key not in sizes:
                    sizes[key] = size_of(functions[key], (*opened, key))
                inner = sizes[key]
            if inner is None or total + inner > limit:
                return None
            total += inner
        return total

    return size_of(model.graph, ())


_MAX_FUNCTION_DEPTH = 100
