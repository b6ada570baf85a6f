"""List the ROI Aligns of an ONNX model: attributes, defaults, presets, shapes and traps."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from roialign_cli.calls.onnx_models.damage import Model, NodeProto
from roialign_cli.calls.onnx_models.inputs import ModelInput, model_inputs
from roialign_cli.calls.onnx_models.model import Place, load_model, main_opset, walk
from roialign_cli.calls.onnx_models.operators import REQUIRED, OnnxOperator, operator_of
from roialign_cli.calls.onnx_models.outputs import Value
from roialign_cli.calls.onnx_models.pyramids import group_pyramids, row_values
from roialign_cli.calls.onnx_models.shapes import Shape, Shapes, drop_weights, infer_shapes
from roialign_cli.calls.onnx_models.traps import Trap, traps_of
from roialign_cli.calls.onnx_models.values import attributes_of, constant
from roialign_cli.core.convention import Convention
from roialign_cli.core.overrides import changes, resolve
from roialign_cli.errors import ArgumentError, FileError, alternatives


@dataclass(frozen=True, eq=False)
class ListedNode:
    """One ROI Align of a model.

    Parameters
    ----------
    place
        The node and its graph.
    operator
        The row of the operator in the table.
    opset
        The version of the operator's domain in the file.
    attributes
        The attributes in the file.
    defaults
        The attributes that the file leaves to the runtime, with the value that it uses; `REQUIRED`
        for one that must be there.
    convention
        The rules, named after the preset; None if they are not known.
    why_unknown
        Why there is no convention; "" if there is one.
    output_size
        (rows, columns) of sections; None if the file does not have it.
    spatial_scale
        Feature-map units per unit of the boxes; None for normalised boxes and unknown operators.
    shapes
        "features", "boxes" and "output", and other inputs → the shape, or None if unknown.
    element_types
        "features", "boxes" and "output", and other inputs → the number of the data type.
    traps
        What may surprise in this node.
    pyramid
        The number of its pyramid, from 0; None if it is on its own.
    rows
        The name of the value with the row of each box in the output of the pyramid; "" if unknown.
    """

    place: Place
    operator: OnnxOperator
    opset: int
    attributes: Mapping[str, Any]
    defaults: Mapping[str, Any]
    convention: Convention | None
    why_unknown: str
    output_size: tuple[int, int] | None
    spatial_scale: float | None
    shapes: Mapping[str, Shape | None]
    element_types: Mapping[str, int]
    traps: tuple[Trap, ...] = ()
    pyramid: int | None = None
    rows: str = ""

    @property
    def tensors(self) -> dict[str, str]:
        """The role of each tensor, such as "features", "boxes" and "output" → its name."""
        return tensors_of(self.place.node, self.operator)

    @property
    def fields(self) -> dict[str, Any]:
        """The fields in which the convention differs from its preset."""
        return {} if self.convention is None else changes(self.convention)

    @property
    def recorded(self) -> dict[str, Value]:
        """The part of a call → the value of the model that it is."""
        named = {role: name for role, name in self.tensors.items() if role in _RECORDED}
        named |= {"rows": self.rows} if self.rows else {}
        scope = self.place.scope
        return {
            role: Value(
                scope.defining(name) or scope,
                name,
                self.element_types.get(role) or (_FLOAT if role in _NEEDED else _INT64),
                len(self.shapes.get(role) or ()) or _AXES.get(role, 1),
            )
            for role, name in named.items()
        }

    @property
    def why_not_recorded(self) -> str:
        """Why the call of the node cannot be recorded; "" if it can."""
        loop = self.place.scope.loop()
        if loop is not None:
            return (
                f"it is in the loop {loop.name}, and the values of a loop are no outputs of a model"
            )
        if self.operator.is_pyramid:
            return "it pools from several maps at once"
        if self.operator.remark:
            return self.operator.remark
        missing = [role for role in _NEEDED if role not in self.recorded]
        return f"it has no {missing[0]}" if missing else ""


_FLOAT, _INT64 = 1, 7  # data types
_NEEDED = ("features", "boxes", "output")
_RECORDED = (*_NEEDED, "batch_index")
_AXES = {"features": 4, "boxes": 2, "output": 4, "batch_index": 1}


@dataclass(frozen=True, eq=False)
class Listing:
    """The ROI Aligns of a model.

    Parameters
    ----------
    path
        The file.
    producer
        The program that wrote the file and its version; "" if unknown.
    opset
        The version of the standard's operators in the file.
    inputs
        What the model needs to run; empty if NumPy lacks the data type of an input.
    nodes
        The ROI Aligns: those of the main graph and of its branches and loops, then of functions.
    """

    path: str
    producer: str
    opset: int
    inputs: tuple[ModelInput, ...]
    nodes: tuple[ListedNode, ...]

    @property
    def pyramids(self) -> list[list[int]]:
        """The indices of the nodes of each pyramid, the largest map first."""
        groups: dict[int, list[int]] = {}
        for index, node in enumerate(self.nodes):
            if node.pyramid is not None:
                groups.setdefault(node.pyramid, []).append(index)
        return [sorted(group, key=self._scale, reverse=True) for group in groups.values()]

    def _scale(self, index: int) -> float:
        return self.nodes[index].spatial_scale or 0.0


def list_nodes(name: str) -> Listing:
    """List the ROI Aligns of an ONNX file.

    Raises
    ------
    RoiAlignError
        If the package onnx is not installed.
    FileError
        If the file cannot be read, is not an ONNX model, or has no ROI Align.
    """
    return listing_of(name, load_model(name))


def listing_of(name: str, model: Model) -> Listing:
    """List the ROI Aligns of a loaded model; the large weights of the model are dropped.

    Raises
    ------
    FileError
        If there is no ROI Align.
    """
    inputs: list[ModelInput] = []
    with suppress(FileError):
        inputs = model_inputs(name, model)
    drop_weights(model)
    if not any(map(_operator, walk(model))):
        raise FileError(name, "has no ROI Align or similar operator; name another model")
    model = infer_shapes(model)
    shapes = Shapes()
    nodes = [_listed(place, row, shapes) for place in walk(model) if (row := _operator(place))]
    places = [node.place for node in nodes]
    pyramids = group_pyramids(places, [node.spatial_scale for node in nodes])
    grouped = (
        node if number is None else replace(node, pyramid=number, rows=rows)
        for node, number, rows in zip(nodes, pyramids, row_values(places), strict=True)
    )
    producer = f"{model.producer_name} {model.producer_version}".strip()
    return Listing(name, producer, main_opset(model), tuple(inputs), tuple(grouped))


def _operator(place: Place) -> OnnxOperator | None:
    return operator_of(place.domain, place.node.op_type, place.scope.opset(place.domain))


def _listed(place: Place, operator: OnnxOperator, shapes: Shapes) -> ListedNode:
    """Return what is known about a node."""
    given = attributes_of(place.node)
    defaults = {key: value for key, value in operator.defaults.items() if key not in given}
    values = {**defaults, **given}
    convention, problem = None, operator.remark
    if not problem:
        try:
            convention = _convention(operator, values)
        except ArgumentError as error:
            problem = str(error)
    scale = values.get("spatial_scale")
    tensors = tensors_of(place.node, operator)
    found = {role: shapes.of(place.scope, value) for role, value in tensors.items()}
    listed = ListedNode(
        place,
        operator,
        place.scope.opset(place.domain),
        given,
        defaults,
        convention,
        problem,
        _output_size(place, operator, values, found.get("output")),
        float(scale) if isinstance(scale, int | float) else None,
        found,
        {role: shapes.element_type(place.scope, value) for role, value in tensors.items()},
    )
    return replace(listed, traps=tuple(traps_of(listed)))


def tensors_of(node: NodeProto, operator: OnnxOperator) -> dict[str, str]:
    """Return the role of each tensor of a node, and its name: "features", "boxes", "output".

    The maps of a pyramid are "features 0", "features 1" and so on.
    """
    named = dict(zip(operator.inputs, node.input, strict=False))
    if operator.is_pyramid:
        maps = node.input[len(operator.inputs) :]
        named |= {f"features {number}": value for number, value in enumerate(maps)}
    named["output"] = node.output[0] if node.output else ""
    return {role: value for role, value in named.items() if value}


def _convention(operator: OnnxOperator, values: Mapping[str, Any]) -> Convention:
    """Return the rules that the attributes choose, named after the preset.

    Raises
    ------
    ArgumentError
        If an attribute has an unknown value.
    """
    chosen = values.get(operator.aligned_by)
    if chosen not in operator.presets:
        raise ArgumentError(operator.aligned_by, _unknown(chosen, operator.presets))
    fields: dict[str, Any] = {}
    for name, choices in operator.choices.items():
        if values[name] not in choices:
            raise ArgumentError(name, _unknown(values[name], choices))
        fields |= choices[values[name]]
    for name, of_convention in operator.numbers.items():
        value = values[name]
        if isinstance(value, str):
            raise ArgumentError(name, _unknown(value, ()))
        fields[of_convention] = max(value, 0) if isinstance(value, int) else value
    return resolve(operator.presets[chosen], **fields)


def _unknown(value: object, known: Collection[object]) -> str:
    if isinstance(value, str) and value.startswith("@"):
        return "depends on the call of the function"
    if value == REQUIRED:
        return "is not in the file and has no default"
    choices = f"; known are {alternatives(map(str, known))}" if known else ""
    return f"has the unknown value {value!r:.40}{choices}"


def _output_size(
    place: Place, operator: OnnxOperator, values: Mapping[str, Any], output: Shape | None
) -> tuple[int, int] | None:
    """Return the (rows, columns) that attributes, a constant input or the output's shape give."""
    numbers: list[Any] = []
    for name in operator.output_size:
        value = values.get(name)
        numbers += value if isinstance(value, tuple) else [value]
    if "output_size" in operator.inputs:
        name = tensors_of(place.node, operator).get("output_size", "")
        array = constant(place.scope, name)
        numbers = [] if array is None else array.ravel().tolist()
    if not all(isinstance(number, int) and number > 0 for number in numbers) or not numbers:
        numbers = list(output[-2:]) if output is not None and len(output) >= 4 else []
    if not numbers or not all(isinstance(number, int) for number in numbers):
        return None
    return numbers[0], numbers[-1]
