"""Find damage of an ONNX model that its parser accepts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

# Objects of the package onnx, which has no types.
Model = Any
Graph = Any  # a GraphProto or a FunctionProto
NodeProto = Any

_GRAPH, _GRAPHS = 5, 10  # types of attributes


def damage_of(model: Model) -> str:
    """Return what is wrong with a model; "" for one that other code can walk over."""
    # The parser returns bytes for text that is not UTF-8.
    if not all(isinstance(text, str) for text in _texts(model)):
        return "a name in it is not text in UTF-8"
    owners = (model.graph, *model.functions)
    if any(map(_has_cycle, owners)):
        return "a node of its graph needs its own output"
    if not all(_has_branches(node) for owner in owners for node in _nodes(owner)):
        return "an If of its graph lacks a branch"
    return ""


def subgraphs(node: NodeProto) -> Iterator[tuple[str, Graph]]:
    """Yield the graphs inside a node, each with the name of its attribute."""
    for attribute in node.attribute:
        if attribute.type == _GRAPH:
            yield attribute.name, attribute.g
        elif attribute.type == _GRAPHS:
            yield from ((attribute.name, graph) for graph in attribute.graphs)


def _has_branches(node: NodeProto) -> bool:
    names = sorted(name for name, _ in subgraphs(node))
    return node.op_type != "If" or names == ["else_branch", "then_branch"]


def _nodes(owner: Graph) -> Iterator[NodeProto]:
    """Yield the nodes of a graph or a function, and of the graphs inside it."""
    for node in owner.node:
        yield node
        for _, graph in subgraphs(node):
            yield from _nodes(graph)


def _has_cycle(graph: Graph) -> bool:
    """Return whether nodes of a graph need each other's outputs."""
    producers = {output: index for index, node in enumerate(graph.node) for output in node.output}
    producers.pop("", None)
    users: list[list[int]] = [[] for _ in graph.node]
    waiting_for = [0] * len(users)
    for index, node in enumerate(graph.node):
        for source in {producers[value] for value in node.input if value in producers}:
            users[source].append(index)
            waiting_for[index] += 1
    ready = [index for index, count in enumerate(waiting_for) if not count]
    done = 0
    while ready:
        done += 1
        for user in users[ready.pop()]:
            waiting_for[user] -= 1
            if not waiting_for[user]:
                ready.append(user)
    return done < len(users)


def _texts(model: Model) -> Iterator[object]:
    """Yield the names in a model."""
    yield from (model.producer_name, model.producer_version)
    yield from (entry.domain for entry in model.opset_import)
    for function in model.functions:
        yield from (function.name, function.domain, *function.input, *function.output)
        yield from (entry.domain for entry in function.opset_import)
        yield from _texts_of_nodes(function)
    yield from _texts_of_graph(model.graph)


def _texts_of_graph(graph: Graph) -> Iterator[object]:
    for value in (*graph.input, *graph.output, *graph.value_info):
        yield value.name
        yield from (axis.dim_param for axis in value.type.tensor_type.shape.dim)
    for tensor in graph.initializer:
        yield tensor.name
        yield from (text for entry in tensor.external_data for text in (entry.key, entry.value))
    yield from _texts_of_nodes(graph)


def _texts_of_nodes(graph: Graph) -> Iterator[object]:
    for node in graph.node:
        yield from (node.name, node.op_type, node.domain, *node.input, *node.output)
        for attribute in node.attribute:
            yield from (attribute.name, attribute.ref_attr_name)
            for inner in (attribute.g, *attribute.graphs):
                yield from _texts_of_graph(inner)
