"""Run an ONNX model once in onnxruntime, and record what goes in and out of its ROI Aligns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roialign_cli.calls.call import Call, PyramidLevel
from roialign_cli.calls.onnx_models.damage import Model
from roialign_cli.calls.onnx_models.external import ExternalData, find_external_data
from roialign_cli.calls.onnx_models.library import onnx_module
from roialign_cli.calls.onnx_models.listing import ListedNode, Listing, listing_of
from roialign_cli.calls.onnx_models.model import expanded_size, load_model
from roialign_cli.calls.onnx_models.operators import operator_title
from roialign_cli.calls.onnx_models.outputs import Value, expose
from roialign_cli.errors import ArgumentError, FileError
from roialign_cli.printable import printable

Arrays = Mapping[str, NDArray[Any]]

_MAX_INLINED_NODES = 1_000_000
_MAX_PROBLEM = 300  # characters of an error of onnxruntime
_QUIET = 4  # of onnxruntime's log: only fatal errors


@dataclass(frozen=True, eq=False)
class RunnableModel:
    """A model that is ready to be run for its ROI Aligns.

    Parameters
    ----------
    path
        The file.
    model
        The model, with its functions inlined if ROI Aligns are in them.
    listing
        Its ROI Aligns.
    external
        Where the weights in other files are; None if there are none.
    """

    path: str
    model: Model
    listing: Listing
    external: ExternalData | None

    @classmethod
    def load(cls, path: str) -> RunnableModel:
        """Read a model.

        Raises
        ------
        RoiAlignError
            If onnx or onnxruntime is not installed.
        FileError
            If the file cannot be read, has no ROI Align or only ones that cannot be recorded, or
            if an attribute of one has no value of its operator, which may crash onnxruntime.
        """
        onnx_module("onnxruntime")
        model = load_model(path)
        external = find_external_data(path, model)
        if model.functions:
            model = inlined(path, model)
        copy = onnx_module().ModelProto()
        copy.CopyFrom(model)
        listing = listing_of(path, copy)
        for node in listing.nodes:
            if node.operator.presets and node.why_unknown:
                problem = f"{printable(node.place.name)} cannot run: {node.why_unknown}"
                raise FileError(path, f"{problem}; export the model again")
        if all(node.why_not_recorded for node in listing.nodes):
            first = listing.nodes[0]
            why = f"{printable(first.place.name)} cannot, because {first.why_not_recorded}"
            raise FileError(path, f"has no ROI Align that can be recorded: {why}")
        return cls(path, model, listing, external)

    def run(self, feeds: Arrays) -> Iterator[tuple[ListedNode, Call | None]]:
        """Run the model and yield each ROI Align that can be recorded, with its call.

        The call is None for a node in a branch that did not run.

        Raises
        ------
        FileError
            If onnxruntime cannot run the model.
        """
        nodes = [node for node in self.listing.nodes if not node.why_not_recorded]
        # Each value once, in a fixed order.
        values = dict.fromkeys(value for node in nodes for value in node.recorded.values())
        computed = self._computed([value for value in values if not _is_fed(value, feeds)], feeds)
        arrays = {v: feeds[v.name] if _is_fed(v, feeds) else computed[v] for v in values}
        levels = _levels(self.listing)
        for node in nodes:
            parts: dict[str, Any] = {role: arrays[v] for role, v in node.recorded.items()}
            if node.place.scope.parent is not None and 0 in parts["output"].shape[1:]:
                yield node, None
                continue
            try:
                yield node, _call(node, parts, levels.get(self.listing.nodes.index(node)))
            except ArgumentError as error:
                problem = f"the call of {printable(node.place.name)} cannot be recorded: {error}"
                raise FileError(self.path, problem) from None

    def _computed(self, values: list[Value], feeds: Arrays) -> dict[Value, NDArray[Any]]:
        """Run the model and return some of its values."""
        runtime = onnx_module("onnxruntime")
        runtime.set_default_logger_severity(_QUIET)
        options = runtime.SessionOptions()
        options.log_severity_level = _QUIET
        changed = onnx_module().ModelProto()
        changed.CopyFrom(self.model)
        if self.external is not None:
            self.external.relocate(changed)
            options.add_session_config_entry(_FOLDER_OF_WEIGHTS, self.external.folder)
        outputs = expose(changed, values)
        try:
            data = changed.SerializeToString()
            session = runtime.InferenceSession(
                data, options, providers=["CPUExecutionProvider"], enable_fallback=0
            )
            arrays = session.run([outputs[value] for value in values], dict(feeds))
        except _failures() as error:
            problem = " ".join(str(error).split())[:_MAX_PROBLEM]
            raise FileError(self.path, f"onnxruntime cannot run the model: {problem}") from None
        return dict(zip(values, map(np.asarray, arrays), strict=True))


def _is_fed(value: Value, feeds: Arrays) -> bool:
    """Return whether a value is an input of the model."""
    return value.scope.parent is None and value.name in feeds


def _failures() -> tuple[type[Exception], ...]:
    """Return the exceptions of onnxruntime, which have no common base."""
    state = vars(onnx_module("onnxruntime.capi.onnxruntime_pybind11_state"))
    own = (kind for kind in state.values() if isinstance(kind, type))
    too_large = onnx_module("google.protobuf.message").EncodeError
    found = (kind for kind in own if issubclass(kind, Exception))
    return RuntimeError, ValueError, too_large, *found


_FOLDER_OF_WEIGHTS = "session.model_external_initializers_file_folder_path"


def inlined(path: str, model: Model) -> Model:
    """Return a model without functions, so that their values can be outputs."""
    if expanded_size(model, _MAX_INLINED_NODES) is None:
        problem = f"its functions call themselves, or expand to over {_MAX_INLINED_NODES} nodes"
        raise FileError(path, f"{problem}; export the model without them")
    try:
        return onnx_module("onnx.inliner").inline_local_functions(model)
    except (RuntimeError, ValueError, TypeError) as error:
        problem = " ".join(str(error).split())[:_MAX_PROBLEM]
        raise FileError(path, f"its functions cannot be inlined: {problem}") from None


def _levels(listing: Listing) -> dict[int, PyramidLevel]:
    """Return the index of each node in a pyramid, and its place there."""
    return {
        index: PyramidLevel(pyramid, position, len(group))
        for pyramid, group in enumerate(listing.pyramids)
        for position, index in enumerate(group)
    }


def _with_rows(arrays: dict[str, Any]) -> dict[str, Any]:
    """Return arrays with the rows as one number for each box; without unusable rows.

    The indices of a ScatterElements have the shape of the output, those of a ScatterND (R, 1).
    """
    rows, boxes = arrays.pop("rows", None), len(arrays["boxes"])
    if rows is not None and rows.ndim and len(rows) == boxes and rows.dtype.kind in "iu":
        arrays["rows"] = rows.reshape(boxes, -1)[:, 0] if boxes else np.zeros(0, np.intp)
    return arrays


def _call(node: ListedNode, arrays: dict[str, Any], level: PyramidLevel | None) -> Call:
    return Call(
        **_with_rows(arrays),
        spatial_scale=node.spatial_scale,
        preset=None if node.convention is None else node.convention.name,
        fields=node.fields,
        stated=dict(node.attributes),
        framework="onnxruntime",
        framework_version=onnx_module("onnxruntime").__version__,
        operator=operator_title(node.place.domain, node.place.node.op_type, node.opset),
        place=node.place.name,
        level=level,
    )
