"""The operators of other libraries as functions of NumPy arrays, with the usual parameter names.

Each function imports its library when it is called, and needs nothing else but NumPy. A parameter
that is None by default is left out of the call, so that the library uses its own default.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import warnings
from typing import Any

import numpy as np

from tests.peers import (
    make_mindspore,
    make_mnn,
    make_model_garden,
    make_mxnet,
    make_ncnn,
    make_od_api,
    make_onnx2tf,
    make_torchvision_deterministic,
    make_tvm,
)
from tests.peers.cases import Array

Size = tuple[int, int]


@functools.cache
def module(name: str) -> Any:
    """Import a library."""
    if name == "tensorflow" and importlib.util.find_spec("paddle"):
        # In the other order the process crashes with a segmentation fault.
        module("paddle")
    with warnings.catch_warnings():
        # Paddle looks for a compiler cache when it is imported.
        warnings.filterwarnings("ignore", "No ccache found", UserWarning)
        return importlib.import_module(name)


def given(**options: Any) -> dict[str, Any]:
    """Return the options that are not None."""
    return {name: value for name, value in options.items() if value is not None}


def _call(output_size: Size, spatial_scale: float, **options: Any) -> dict[str, Any]:
    """Return a call as the scripts of this package take it."""
    return {"output_size": output_size, "spatial_scale": spatial_scale, **given(**options)}


def _rois(boxes: Array, batch_index: Array) -> Array:
    """Return boxes (K, 5) after their batch index."""
    return np.column_stack([batch_index.astype(boxes.dtype), boxes])


def _torchvision(
    operator: str,
    features: Array,
    boxes: Array,
    batch_index: Array,
    output_size: Size,
    spatial_scale: float,
    **options: Any,
) -> Array:
    torch, function = module("torch"), getattr(module("torchvision").ops, operator)
    arrays = torch.from_numpy(features), torch.from_numpy(_rois(boxes, batch_index))
    return np.asarray(function(*arrays, output_size, spatial_scale, **given(**options)))


def torchvision_roi_align(
    features: Array,
    boxes: Array,
    batch_index: Array,
    output_size: Size,
    *,
    aligned: bool,
    spatial_scale: float,
    sampling_ratio: int | None = None,
) -> Array:
    where = features, boxes, batch_index, output_size, spatial_scale
    return _torchvision("roi_align", *where, sampling_ratio=sampling_ratio, aligned=aligned)


def torchvision_ps_roi_align(
    features: Array,
    boxes: Array,
    batch_index: Array,
    output_size: Size,
    *,
    spatial_scale: float,
    sampling_ratio: int | None = None,
) -> Array:
    where = features, boxes, batch_index, output_size, spatial_scale
    return _torchvision("ps_roi_align", *where, sampling_ratio=sampling_ratio)


def torchvision_pool(
    features: Array,
    boxes: Array,
    batch_index: Array,
    output_size: Size,
    *,
    operator: str,
    spatial_scale: float,
) -> Array:
    """Return what roi_pool or ps_roi_pool gives."""
    return _torchvision(operator, features, boxes, batch_index, output_size, spatial_scale)


def torchvision_deterministic(
    features: Array,
    boxes: Array,
    batch_index: Array,
    output_size: Size,
    *,
    aligned: bool,
    spatial_scale: float,
    sampling_ratio: int,
) -> Array:
    call = _call(output_size, spatial_scale, sampling_ratio=sampling_ratio, aligned=aligned)
    return make_torchvision_deterministic.run(features, boxes, batch_index, call)


def tensorflow_crop_and_resize(
    features: Array,
    boxes: Array,
    batch_index: Array,
    output_size: Size,
    *,
    extrapolation_value: float = 0.0,
) -> Array:
    pooled = module("tensorflow").image.crop_and_resize(
        features.transpose(0, 2, 3, 1),
        boxes,
        batch_index.astype(np.int32),
        output_size,
        extrapolation_value=extrapolation_value,
    )
    return np.asarray(pooled).transpose(0, 3, 1, 2)


def paddle_roi_align(
    features: Array,
    boxes: Array,
    batch_index: Array,
    output_size: Size,
    *,
    aligned: bool,
    spatial_scale: float,
    sampling_ratio: int | None = None,
) -> Array:
    paddle = module("paddle")
    # Paddle takes the boxes in the order of their images, and how many each image has.
    order = np.argsort(batch_index, kind="stable")
    numbers = np.bincount(batch_index, minlength=len(features)).astype(np.int32)
    arrays = (paddle.to_tensor(array) for array in (features, boxes[order], numbers))
    ratio = -1 if sampling_ratio == 0 else sampling_ratio
    pooled = paddle.vision.ops.roi_align(
        *arrays, output_size, spatial_scale, aligned=aligned, **given(sampling_ratio=ratio)
    )
    return np.asarray(pooled.numpy())[np.argsort(order)]


def mxnet_roi_align(
    features: Array,
    boxes: Array,
    batch_index: Array,
    output_size: Size,
    *,
    aligned: bool,
    position_sensitive: bool,
    spatial_scale: float,
    sampling_ratio: int | None = None,
) -> Array:
    call = _call(output_size, spatial_scale, sampling_ratio=sampling_ratio, aligned=aligned)
    return make_mxnet.run(
        features, boxes, batch_index, {**call, "position_sensitive": position_sensitive}
    )


def mindspore_roi_align(
    features: Array,
    boxes: Array,
    batch_index: Array,
    output_size: Size,
    *,
    roi_end_mode: int,
    spatial_scale: float,
    sampling_ratio: int | None = None,
) -> Array:
    options = {"roi_end_mode": roi_end_mode, "sampling_ratio": sampling_ratio}
    call = _call(output_size, spatial_scale, **options)
    return make_mindspore.run(features, boxes, batch_index, call)


def tvm_roi_align(
    features: Array,
    boxes: Array,
    batch_index: Array,
    output_size: Size,
    *,
    aligned: bool,
    pooling: str,
    spatial_scale: float,
    sampling_ratio: int,
) -> Array:
    options = {"mode": pooling, "sampling_ratio": sampling_ratio, "aligned": aligned}
    call = _call(output_size, spatial_scale, **options)
    return make_tvm.run(features, boxes, batch_index, call)


def ncnn_roi_align(
    features: Array,
    boxes: Array,
    batch_index: Array,
    output_size: Size,
    *,
    version: int,
    aligned: bool,
    spatial_scale: float,
    sampling_ratio: int | None = None,
) -> Array:
    options = {"op": f"ROIAlign-{version}", "sampling_ratio": sampling_ratio, "aligned": aligned}
    call = _call(output_size, spatial_scale, **options)
    return make_ncnn.run(features, boxes, batch_index, call)


def mnn_roi_align(
    features: Array,
    boxes: Array,
    batch_index: Array,
    output_size: Size,
    *,
    aligned: bool,
    pooling: str,
    spatial_scale: float,
    sampling_ratio: int,
) -> Array:
    options = {"mode": pooling, "sampling_ratio": sampling_ratio, "aligned": aligned}
    call = _call(output_size, spatial_scale, **options)
    return make_mnn.run(features, boxes, batch_index, call)


def multilevel_crop_and_resize(
    features: Array,
    boxes: Array,
    batch_index: Array,
    output_size: Size,
    *,
    package: str,
    spatial_scale: float,
) -> Array:
    """Return what the functions of Model Garden and KerasCV give, which take square outputs."""
    rows, columns = output_size
    if rows != columns:
        raise ValueError("the output is square")
    level = round(-np.log2(spatial_scale))
    call = {"output_size": output_size, "level": level, "framework": package, "sample_offset": 0.5}
    # The boxes are exchanged again there.
    return make_model_garden.run(features, boxes[:, [1, 0, 3, 2]], batch_index, call)


def multilevel_roi_align(
    features: Array,
    boxes: Array,
    batch_index: Array,
    output_size: Size,
    *,
    align_corners: bool,
    sampling_ratio: int | None = None,
) -> Array:
    """Return what the Object Detection API gives."""
    call = {"output_size": output_size, "align_corners": align_corners}
    if sampling_ratio is not None:
        names = "num_samples_per_cell_y", "num_samples_per_cell_x"
        call |= dict.fromkeys(names, sampling_ratio)
    return make_od_api.pooled(features, boxes, batch_index, call)


def onnx2tf_roi_align(
    features: Array,
    boxes: Array,
    batch_index: Array,
    output_size: Size,
    *,
    pooling: str,
    ratio: int,
    spatial_scale: float,
) -> Array:
    """Return what the converted model gives, which has a ratio or the adaptive grid."""
    mode = {"mode": pooling, "coordinate_transformation_mode": "half_pixel"}
    call = _call(output_size, spatial_scale, sampling_ratio=ratio, **mode)
    return make_onnx2tf.run(features, boxes, batch_index, call)
