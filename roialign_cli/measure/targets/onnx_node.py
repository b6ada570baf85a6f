"""An ROI Align of an ONNX model, taken out of the model and run in onnxruntime."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roialign_cli.calls.onnx_models.library import onnx_module
from roialign_cli.calls.onnx_models.listing import ListedNode, Listing, listing_of
from roialign_cli.calls.onnx_models.model import load_model
from roialign_cli.calls.onnx_models.recording import inlined
from roialign_cli.errors import ArgumentError, FileError
from roialign_cli.measure.call import ProbeCall
from roialign_cli.measure.targets.child_target import ChildTarget
from roialign_cli.measure.targets.layouts import Layout, boxes_in
from roialign_cli.printable import printable

_MAX_NAMES = 5  # in an error message
_NEWEST_OPSET = 21  # before operators changed that not every onnxruntime has


class NodeTarget(ChildTarget):
    """A node with the attributes of the file, except for the parameters that each call states.

    A call without a sampling ratio gets that of the file.

    Parameters
    ----------
    path
        The model.
    node
        The name of the node; None for the first ROI Align.
    time_limit
        Seconds that a call may take.

    Raises
    ------
    RoiAlignError
        If onnx or onnxruntime is not installed.
    FileError
        If the file cannot be read or has no ROI Align, or if onnxruntime cannot run the node.
    ArgumentError
        If there is no such node.
    """

    def __init__(self, path: str, node: str | None = None, *, time_limit: float) -> None:
        onnx_module("onnxruntime")
        self._is_older = False  # whether the node runs in an older opset than that of the file
        model = load_model(path)
        model = inlined(path, model) if model.functions else model
        self._imports = [*model.opset_import]
        self._ir_version = model.ir_version
        listing = listing_of(path, model)
        self._node = _chosen(listing, node)
        self._count = len(listing.nodes)
        super().__init__(f"{path}:{self._node.place.name}", time_limit)
        first = ProbeCall(
            "first call",
            np.ones((1, 4, 8, 8), np.float32),
            np.array([[1, 1, 5, 5]], np.float32),
            np.zeros(1, np.int64),
        )
        problem = self._problem_with(first)
        if problem and self._node.opset > _NEWEST_OPSET and not self._node.place.domain:
            # The operators have the same rules since then, and maybe newer types.
            imports = (each for each in self._imports if each.domain not in {"", "ai.onnx"})
            helper = onnx_module("onnx.helper")
            self._imports = [helper.make_opsetid("", _NEWEST_OPSET), *imports]
            self._is_older = not self._problem_with(first)
        if problem and not self._is_older:
            self.close()
            name = printable(self._node.place.name)
            remedy = "name another node with --node, or use another version of onnxruntime"
            raise FileError(path, f"onnxruntime cannot run {name}: {problem}; {remedy}")

    def _problem_with(self, call: ProbeCall) -> str:
        """Return why a call cannot be run, "" if it can."""
        try:
            self.run(call)
        except Exception as error:  # noqa: BLE001 - onnxruntime's have no common base
            return str(error) or type(error).__name__
        return ""

    @property
    def parameters(self) -> frozenset[str]:
        """Which of `PARAMETERS` the operator has."""
        known = {"spatial_scale"} & self._node.operator.defaults.keys()
        ratio = {"sampling_ratio"} & {*self._node.operator.numbers.values()}
        return frozenset({"output_size", "batch_index", *known, *ratio})

    @property
    def matched(self) -> dict[str, str]:
        """The operator, and the attributes of the file that calls leave alone."""
        node = self._node
        domain = node.place.domain or "ai.onnx"
        stated = {*node.operator.output_size, "spatial_scale"}
        kept = {name: str(value) for name, value in node.attributes.items() if name not in stated}
        older = f", run as opset {_NEWEST_OPSET}" if self._is_older else ""
        shown = {"operator": f"{domain} {node.place.node.op_type}, opset {node.opset}{older}"}
        if self._count > 1:
            shown["node"] = f"{node.place.name}, one of {self._count} (--node)"
        return {**shown, **kept}

    def run(self, call: ProbeCall) -> NDArray[Any]:
        """Return the output of the node."""
        feeds = self._feeds(call)
        content = np.frombuffer(self._model(call, feeds), np.uint8)
        return self._output({"ask": "model", "output": "output"}, {**feeds, "model": content})

    def _feeds(self, call: ProbeCall) -> dict[str, NDArray[Any]]:
        """Return an array for each input of the node, in their order."""
        roles = self._node.operator.inputs
        layout: Layout = "separate" if "batch_index" in roles else "columns"
        arrays = {
            "features": call.features,
            "boxes": boxes_in(layout, call.boxes, call.batch_index, len(call.features))[0],
            "batch_index": call.batch_index,
            "output_size": np.array(call.output_size, np.int32),
        }
        return {role: arrays[role].astype(self._dtype(role)) for role in roles}

    def _dtype(self, role: str) -> np.dtype[Any]:
        """Return the type of an input in the file, or the usual one."""
        number = self._node.element_types.get(role)
        if not number:
            index = np.int32 if "output_size" in self._node.operator.inputs else np.int64
            return np.dtype(index if role in {"batch_index", "output_size"} else np.float32)
        dtype: np.dtype[Any] = onnx_module("onnx.helper").tensor_dtype_to_np_dtype(number)
        return dtype

    def _model(self, call: ProbeCall, feeds: dict[str, NDArray[Any]]) -> bytes:
        """Return a model of the node alone, for inputs of any size."""
        helper = onnx_module("onnx.helper")
        node = onnx_module().NodeProto()
        node.CopyFrom(self._node.place.node)
        del node.input[:], node.output[:]
        node.input.extend(feeds)
        node.output.append("output")
        stated = self._stated(call)
        kept = [one for one in node.attribute if one.name not in stated]
        del node.attribute[:]
        node.attribute.extend(kept)
        node.attribute.extend(helper.make_attribute(*pair) for pair in stated.items())
        inputs = [
            helper.make_tensor_value_info(
                name, helper.np_dtype_to_tensor_dtype(array.dtype), [None] * array.ndim
            )
            for name, array in feeds.items()
        ]
        output = onnx_module().ValueInfoProto(name="output")
        graph = helper.make_graph([node], "node", inputs, [output])
        made = helper.make_model(graph, opset_imports=self._imports, ir_version=self._ir_version)
        content: bytes = made.SerializeToString()
        return content

    def _stated(self, call: ProbeCall) -> dict[str, Any]:
        """Return the attributes that a call states."""
        operator = self._node.operator
        names = operator.output_size
        sizes = call.output_size if len(names) > 1 else [[*call.output_size]]
        stated: dict[str, Any] = dict(zip(names, sizes, strict=False))
        if "spatial_scale" in operator.defaults:
            stated["spatial_scale"] = float(call.spatial_scale)
        if call.sampling_ratio is not None:
            ratios = (name for name, one in operator.numbers.items() if one == "sampling_ratio")
            stated |= dict.fromkeys(ratios, call.sampling_ratio)
        return stated


def _chosen(listing: Listing, name: str | None) -> ListedNode:
    """Return the named node, or the first one that can run alone."""
    if name is not None:
        node = next((one for one in listing.nodes if one.place.name == name), None)
        if node is None:
            known = _names(one.place.name for one in listing.nodes)
            raise ArgumentError("node", f"{listing.path} has no ROI Align {name!r}; it has {known}")
        if problem := _problem(node):
            raise FileError(listing.path, f"{printable(name)} cannot be probed: {problem}")
        return node
    for node in listing.nodes:
        if not _problem(node):
            return node
    first = listing.nodes[0]
    problem = f"{printable(first.place.name)} cannot be probed: {_problem(first)}"
    raise FileError(listing.path, problem)


def _names(names: Iterable[str]) -> str:
    shown = [printable(name) for name in names]
    return ", ".join(shown[:_MAX_NAMES]) + (", …" if len(shown) > _MAX_NAMES else "")


def _problem(node: ListedNode) -> str:
    """Return why a node cannot be probed; "" if it can."""
    if node.operator.is_pyramid:
        return "it pools from several maps at once"
    return node.operator.remark or node.why_unknown
