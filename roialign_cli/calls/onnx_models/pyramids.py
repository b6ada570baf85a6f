"""Group the ROI Aligns of one pyramid: outputs that are merged into one tensor."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

from roialign_cli.calls.onnx_models.damage import NodeProto
from roialign_cli.calls.onnx_models.model import Place, Scope

_SCATTERING = {"ScatterElements", "ScatterND"}
_MERGING = {"Add", "Concat", "Sum", "Where", *_SCATTERING}
# Operators between an ROI Align and the merge, or between two merges.
_PASSING = {"Cast", "Expand", "Identity", "Mul", "Reshape", "Squeeze", "Unsqueeze", *_MERGING}
_MAX_VISITED = 256  # nodes after one ROI Align


def group_pyramids(places: Sequence[Place], scales: Sequence[float | None]) -> list[int | None]:
    """Return the number of the pyramid of each node, from 0; None for a node on its own.

    The nodes of a pyramid are in the same graph, have the same operator, different features and
    different scales, and their outputs are merged by scattering, adding or joining.

    Parameters
    ----------
    places
        The ROI Aligns of a model.
    scales
        Their spatial scales.
    """
    consumers: dict[Scope, _Consumers] = {}
    groups: list[tuple[set[int], list[int]]] = []  # the merges that are reached, and the nodes
    for index, place in enumerate(places):
        of_graph = consumers.setdefault(place.scope, _Consumers(place.scope))
        merges = of_graph.merges_after(place.node)
        for group in groups:
            if merges & group[0] and _same_operator(places[group[1][0]], place):
                group[0].update(merges)
                group[1].append(index)
                break
        else:
            groups.append((merges, [index]))
    numbers: list[int | None] = [None] * len(places)
    pyramids = (nodes for _, nodes in groups if _is_pyramid(nodes, places, scales))
    for number, nodes in enumerate(pyramids):
        for index in nodes:
            numbers[index] = number
    return numbers


def _same_operator(one: Place, other: Place) -> bool:
    same_graph = one.scope is other.scope
    return same_graph and (one.domain, one.node.op_type) == (other.domain, other.node.op_type)


def _is_pyramid(
    nodes: Sequence[int], places: Sequence[Place], scales: Sequence[float | None]
) -> bool:
    features = {places[n].node.input[0] for n in nodes if places[n].node.input}
    return len(nodes) > 1 and len(features) == len({scales[n] for n in nodes}) == len(nodes)


def row_values(places: Sequence[Place]) -> list[str]:
    """Return the name of the value with the row of each box in the output of the pyramid.

    The name is "" for a node the output of which is not scattered into another tensor.
    """
    consumers: dict[Scope, _Consumers] = {}
    return [
        consumers.setdefault(place.scope, _Consumers(place.scope)).rows_of(place.node)
        for place in places
    ]


class _Consumers:
    """The nodes that use each value of a graph."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    @cached_property
    def _users(self) -> dict[str, list[tuple[int, NodeProto]]]:
        users: dict[str, list[tuple[int, NodeProto]]] = {}
        for index, node in enumerate(self._scope.graph.node):
            for value in {*node.input}:
                users.setdefault(value, []).append((index, node))
        return users

    def merges_after(self, node: NodeProto) -> set[int]:
        """Return the indices of the nodes that merge the output of a node with others."""
        reached = self._reached(node, _PASSING)
        return {index for index, user in reached if user.op_type in _MERGING}

    def rows_of(self, node: NodeProto) -> str:
        """Return the name of the indices with which the output of a node is scattered; or ""."""
        for _, user in self._reached(node, _PASSING - _MERGING | _SCATTERING):
            if user.op_type in _SCATTERING:
                return str(user.input[1]) if len(user.input) > 1 else ""
        return ""

    def _reached(self, node: NodeProto, passing: set[str]) -> Iterator[tuple[int, NodeProto]]:
        """Yield the nodes of some operators that use an output, also through each other."""
        waiting = [*node.output]
        seen: set[int] = set()
        while waiting and len(seen) < _MAX_VISITED:
            for index, user in self._users.get(waiting.pop(0), []):
                if user.op_type in passing and index not in seen:
                    seen.add(index)
                    waiting += user.output
                    yield index, user
