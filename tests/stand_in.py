"""Stand-ins of torchvision, detectron2, MMCV, MMDetection and TensorFlow, with their signatures.

They compute with NumPy, so that `record_calls` is tested where these libraries are not installed.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import numpy as np

from roialign_cli import roi_align
from roialign_cli.calls.bfloat16 import narrowed, widened


class Device:
    def __init__(self, kind: str) -> None:
        self.type = kind


class Tensor:
    """An array that is read as a tensor of PyTorch is: detached, then on the CPU, then as NumPy."""

    def __init__(
        self, array: Any, dtype: str = "", device: str = "cpu", *, grad: bool = False
    ) -> None:
        self.array = np.asarray(array)
        self.dtype = dtype or f"torch.{self.array.dtype}"
        self.device = Device(device)
        self.grad = grad

    @property
    def shape(self) -> tuple[int, ...]:
        return self.array.shape

    def __len__(self) -> int:
        return len(self.array)

    def __getitem__(self, key: Any) -> Tensor:
        return Tensor(self.array[key], self.dtype, self.device.type, grad=self.grad)

    def detach(self) -> Tensor:
        return Tensor(self.array, self.dtype, self.device.type)

    def cpu(self) -> Tensor:
        return Tensor(self.array, self.dtype, "cpu", grad=self.grad)

    def float(self) -> Tensor:
        return Tensor(
            self.array.astype(np.float32), "torch.float32", self.device.type, grad=self.grad
        )

    def numpy(self) -> Any:
        assert self.device.type == "cpu", "can't convert a CUDA tensor to NumPy"
        assert not self.grad, "can't call numpy() on a tensor that requires grad"
        if "bfloat16" in self.dtype:
            raise TypeError("Got unsupported ScalarType BFloat16")
        return self.array

    def to(self, dtype: str) -> Tensor:
        return Tensor(self.array.astype(dtype.partition(".")[2]), dtype, self.device.type)


class Symbolic:
    """A tensor of a graph, which has no values."""

    shape = (1, 8, 8, 2)
    dtype = "<dtype: 'float32'>"

    def numpy(self) -> Any:
        raise NotImplementedError("numpy() is only available when eager execution is enabled")

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError


def pooled(
    features: Tensor, boxes: Any, output_size: Any, convention: str, **fields: Any
) -> Tensor:
    """Pool as a library would, in the dtype of the features."""
    if isinstance(boxes, list):
        index = np.repeat(np.arange(len(boxes)), [len(one) for one in boxes])
        given = np.column_stack([index, np.concatenate([one.array for one in boxes])])
    else:
        given = boxes.array
    size = tuple(output_size) if isinstance(output_size, list) else output_size
    out = roi_align(features.array, given, size, convention=convention, **fields)
    if "bfloat16" in features.dtype:
        out = widened(narrowed(out))
    return Tensor(out, features.dtype, features.device.type, grad=features.grad)


def ratio(sampling_ratio: int) -> int:
    return max(sampling_ratio, 0)


_SOURCES = {
    "torchvision": "__version__ = '0.29.1'",
    "torchvision.ops": "",
    "torchvision.ops.roi_align": """
def roi_align(input, boxes, output_size, spatial_scale=1.0, sampling_ratio=-1, aligned=False):
    name = "torchvision-aligned" if aligned else "torchvision"
    return pooled(input, boxes, output_size, name, spatial_scale=spatial_scale,
                  sampling_ratio=ratio(sampling_ratio))

class RoIAlign:
    def __init__(self, output_size, spatial_scale, sampling_ratio, aligned=False):
        self.given = output_size, spatial_scale, sampling_ratio, aligned
    def forward(self, input, rois):
        return roi_align(input, rois, *self.given)
    __call__ = forward
""",
    "torchvision.ops.roi_pool": """
def roi_pool(input, boxes, output_size, spatial_scale=1.0):
    return pooled(input, boxes, output_size, "roi-pool", spatial_scale=spatial_scale)
""",
    "torchvision.ops.ps_roi_align": """
def ps_roi_align(input, boxes, output_size, spatial_scale=1.0, sampling_ratio=-1):
    return pooled(input, boxes, output_size, "ps-roi-align", spatial_scale=spatial_scale,
                  sampling_ratio=ratio(sampling_ratio))
""",
    "torchvision.ops.ps_roi_pool": """
def ps_roi_pool(input, boxes, output_size, spatial_scale=1.0):
    return pooled(input, boxes, output_size, "ps-roi-pool", spatial_scale=spatial_scale)
""",
    "torchvision.ops.poolers": """
from torchvision.ops.roi_align import roi_align
from roialign_cli.core.pyramid import assign_levels, infer_scales
from roialign_cli.core.pyramid_rules import pyramid_rule

class MultiScaleRoIAlign:
    def __init__(self, featmap_names, output_size, sampling_ratio, *, canonical_scale=224,
                 canonical_level=4):
        self.featmap_names, self.output_size = featmap_names, output_size
        self.sampling_ratio = sampling_ratio
        self.canonical_scale, self.canonical_level = canonical_scale, canonical_level

    def __call__(self, *args):
        return self.forward(*args)

    def forward(self, x, boxes, image_shapes):
        maps = [x[name] for name in x if name in self.featmap_names]
        size = tuple(max(side) for side in zip(*image_shapes))
        scales = infer_scales([one.shape[2:] for one in maps], size)
        index = np.repeat(np.arange(len(boxes)), [len(one) for one in boxes])
        flat = np.concatenate([one.array for one in boxes])
        rois = np.column_stack([index.astype(flat.dtype), flat])
        if len(maps) == 1:
            return roi_align(maps[0], Tensor(rois), output_size=self.output_size,
                             spatial_scale=scales[0], sampling_ratio=self.sampling_ratio)
        rule = pyramid_rule("torchvision")
        level = assign_levels(flat.astype(float), rule, scales, image_size=size, normalized=False,
                              dtype=np.float32).index
        result = np.zeros((len(rois), maps[0].shape[1], *self.output_size), np.float32)
        for n, (one, scale) in enumerate(zip(maps, scales)):
            result[level == n] = roi_align(
                one, Tensor(rois[level == n]), output_size=self.output_size, spatial_scale=scale,
                sampling_ratio=self.sampling_ratio).array
        return Tensor(result)
""",
    "detectron2": "__version__ = '0.6'",
    "detectron2.layers": "",
    "detectron2.layers.roi_align": """
from torchvision.ops import roi_align

class ROIAlign:
    def __init__(self, output_size, spatial_scale, sampling_ratio, aligned=True):
        self.given = output_size, spatial_scale, sampling_ratio, aligned
    def __call__(self, input, rois):
        return roi_align(input, rois.to(dtype=input.dtype), *self.given)
""",
    "detectron2.modeling": "",
    "detectron2.modeling.poolers": """
from detectron2.layers.roi_align import ROIAlign

class Boxes:
    def __init__(self, tensor):
        self.tensor = tensor

class ROIPooler:
    canonical_box_size, canonical_level = 224, 4
    def __init__(self, output_size, scales, sampling_ratio):
        self.level_poolers = [ROIAlign(output_size, scale, sampling_ratio) for scale in scales]

    def forward(self, x, box_lists):
        index = np.repeat(np.arange(len(box_lists)), [len(one.tensor) for one in box_lists])
        boxes = np.concatenate([one.tensor.array for one in box_lists])
        rois = np.column_stack([index.astype(boxes.dtype), boxes])
        level = (rois[:, 3] - rois[:, 1] >= 112).astype(int)
        return [pooler(x[n], Tensor(rois[level == n]))
                for n, pooler in enumerate(self.level_poolers)]
""",
    "mmcv": "__version__ = '2.1.0'",
    "mmcv.ops": "",
    "mmcv.ops.roi_align": """
class RoIAlignFunction:
    @staticmethod
    def forward(ctx, input, rois, output_size, spatial_scale=1.0, sampling_ratio=0, pool_mode='avg',
                aligned=True):
        name = "mmcv" if aligned else "mmcv-legacy"
        if input.device.type == "cuda":
            name = name.replace("mmcv", "mmcv-cuda")
        return pooled(input, rois, output_size, name, spatial_scale=spatial_scale,
                      sampling_ratio=sampling_ratio, pooling=pool_mode)
    @classmethod
    def apply(cls, *args):
        return cls.forward(None, *args)

roi_align = RoIAlignFunction.apply

class RoIAlign:
    def __init__(self, output_size, spatial_scale=1.0, sampling_ratio=0, pool_mode='avg',
                 aligned=True, use_torchvision=False):
        self.given = output_size, spatial_scale, sampling_ratio, pool_mode, aligned
    def __call__(self, input, rois):
        return roi_align(input, rois, *self.given)
""",
    "mmdet.models.roi_heads.roi_extractors.single_level_roi_extractor": """
from mmcv.ops.roi_align import RoIAlign

class SingleRoIExtractor:
    def __init__(self, strides, finest_scale=56):
        self.finest_scale = finest_scale
        self.roi_layers = [RoIAlign((7, 7), 1 / stride, 2) for stride in strides]

    def forward(self, feats, rois, roi_scale_factor=None):
        if len(feats) == 1:
            return self.roi_layers[0](feats[0], rois)
        level = (rois.array[:, 3] - rois.array[:, 1] >= 112).astype(int)
        if roi_scale_factor is not None:
            rois = Tensor(rois.array * np.array([1, *[roi_scale_factor] * 4], np.float32))
        return [layer(feats[n], rois[level == n]) for n, layer in enumerate(self.roi_layers)
                if (level == n).any()]
""",
    "tensorflow": "__version__ = '2.21.0'",
    "tensorflow.python.ops.image_ops_impl": """
def crop_and_resize_v1(image, boxes, box_ind=None, crop_size=None, method='bilinear',
                       extrapolation_value=0, name=None, box_indices=None):
    box_indices = box_ind if box_indices is None else box_indices
    return crop_and_resize_v2(image, boxes, box_indices, crop_size, method, extrapolation_value)

def crop_and_resize_v2(image, boxes, box_indices, crop_size, method='bilinear',
                       extrapolation_value=.0, name=None):
    if isinstance(image, Symbolic):
        return Symbolic()
    found = roi_align(image.transpose(0, 3, 1, 2), boxes, crop_size, convention="tensorflow",
                      batch_index=box_indices, extrapolation_value=float(extrapolation_value),
                      interpolation={"bilinear": "linear"}.get(method, method))
    return found.transpose(0, 2, 3, 1)
""",
    "program": """
import torchvision.ops
from torchvision.ops import roi_align

def by_name(*args): return roi_align(*args)
def by_package(*args): return torchvision.ops.roi_align(*args)
def by_import(*args):
    from torchvision.ops import roi_align as here
    return here(*args)
class Held:
    static = staticmethod(roi_align)
def by_class(*args): return Held.static(*args)
def by_object(input, boxes, size): return torchvision.ops.RoIAlign(size, 1.0, -1)(input, boxes)

def own_align(feature_map, rois, pooled_h, pooled_w, scale=1.0, sample_num=2, mode="avg",
              **options):
    return pooled(feature_map, rois, (pooled_h, pooled_w), "torchvision-aligned",
                  spatial_scale=scale, sampling_ratio=sample_num, pooling=mode)
def wrapping(features, boxes, output_size): return roi_align(features, boxes, output_size)
def no_boxes(features, size): pass
class OwnFunction:
    @staticmethod
    def forward(ctx, input, rois, size=2):
        return pooled(input, rois, size, "torchvision")
    @classmethod
    def apply(cls, *args):
        return cls.forward(None, *args)
own_apply = OwnFunction.apply
class Layer:
    def forward(self, input, rois): return roi_align(input, rois, 2)
    def __call__(self, *args): return self.forward(*args)
""",
}
ROOTS = {name.partition(".")[0] for name in _SOURCES}


@contextmanager
def installed() -> Iterator[None]:
    """Put the stand-ins in the place of what is imported, and what is imported back."""
    before = {name: module for name, module in sys.modules.items() if name.split(".")[0] in ROOTS}
    for name in before:
        del sys.modules[name]
    try:
        for name, source in _SOURCES.items():
            _import(name, source)
        yield
    finally:
        for name in [*sys.modules]:
            if name.split(".")[0] in ROOTS:
                del sys.modules[name]
        sys.modules.update(before)


def _import(name: str, source: str) -> None:
    parts = name.split(".")
    for end in range(1, len(parts)):
        if ".".join(parts[:end]) not in sys.modules:
            _import(".".join(parts[:end]), "")
    module = sys.modules[name] = ModuleType(name)
    if end := len(parts) - 1:
        setattr(sys.modules[".".join(parts[:end])], parts[-1], module)
    helpers = {"np": np, "Tensor": Tensor, "Symbolic": Symbolic, "pooled": pooled, "ratio": ratio}
    if name.startswith("tensorflow"):
        helpers["roi_align"] = roi_align
    vars(module).update(helpers)
    exec(compile(source, f"/{'/'.join(parts)}.py", "exec"), vars(module))  # noqa: S102
    if name.startswith("torchvision.ops."):
        # As in torchvision, the function hides the module with the same name.
        for key, value in [*vars(module).items()]:
            if getattr(value, "__module__", "") == name:
                setattr(sys.modules["torchvision.ops"], key, value)
