"""Operators of other libraries that can be run here, and the presets that they should follow."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.peers import operators, runtimes
from tests.peers.cases import Array

# Distribution → others that have the same modules.
_OTHER_NAMES = {"tensorflow": ("tensorflow-cpu",)}


@dataclass(frozen=True)
class Peer:
    """An operator of another library in one of its modes.

    Parameters
    ----------
    library
        The name of the library, for readers.
    package
        The name of its distribution, which has the version.
    operator
        The operator as the library calls it.
    mode
        The arguments that choose the mode, as text; "" for an operator without modes.
    preset
        The name of the preset that it should follow.
    function
        A function of `operators` or `runtimes`.
    arguments
        The arguments of the function that choose the mode.
    poolings
        The values of the parameter `pooling` of the function, "" if it has none.
    takes
        Which parameters of `roi_align` the function takes.
    dtypes
        The dtypes of features with which it can be compared.
    tolerance
        The relative difference that counts as rounding.
    is_square
        Whether outputs have as many rows as columns.
    has_adaptive_grid
        Whether the operator with a sampling ratio has an adaptive grid, too.
    damages_memory
        Whether a call may damage the process, so that each call needs a process of its own.
    takes_random_calls
        Whether it can be compared on random calls, in the process of the tests: it takes features
        of any shape and does not end the process for any box.
    """

    library: str
    package: str
    operator: str
    mode: str
    preset: str
    function: Callable[..., Array]
    arguments: Mapping[str, Any] = field(default_factory=dict)
    poolings: tuple[str, ...] = ("",)
    takes: tuple[str, ...] = ("spatial_scale", "sampling_ratio")
    dtypes: tuple[str, ...] = ("f4", "f8")
    tolerance: float = 1e-5
    is_square: bool = False
    has_adaptive_grid: bool = True
    damages_memory: bool = False
    takes_random_calls: bool = False

    @property
    def key(self) -> tuple[str, str, str]:
        """What identifies the peer."""
        return self.library, self.operator, self.mode

    @property
    def name(self) -> str:
        """The library, the operator and the mode."""
        return " ".join(filter(None, self.key))

    @property
    def packages(self) -> tuple[str, ...]:
        """The names of the distributions that may have the library."""
        return (self.package, *_OTHER_NAMES.get(self.package, ()))

    @property
    def needs_ratio(self) -> bool:
        """Whether the operator has no default for the sampling ratio."""
        ratio = inspect.signature(self.function).parameters.get("sampling_ratio")
        return ratio is not None and ratio.default is ratio.empty

    @property
    def run(self) -> Callable[..., Array]:
        """The function in this mode."""
        return functools.partial(self.function, **self.arguments)


def _torchvision(operator: str, mode: str, preset: str, function: Any, **given: Any) -> Peer:
    return Peer("torchvision", "torchvision", operator, mode, preset, function, **given)


_RATIO_AND_POOLING = ("spatial_scale", "sampling_ratio", "pooling")
_ALIGNED = ((False, "aligned=False"), (True, "aligned=True"))


PEERS = [
    *(
        _torchvision(
            "ops.roi_align",
            mode,
            "torchvision-aligned" if aligned else "torchvision",
            operators.torchvision_roi_align,
            arguments={"aligned": aligned},
            takes_random_calls=True,
        )
        for aligned, mode in _ALIGNED
    ),
    *(
        _torchvision(
            "ops.roi_align",
            f"{mode}, deterministic",
            "torchvision-deterministic-aligned" if aligned else "torchvision-deterministic",
            operators.torchvision_deterministic,
            arguments={"aligned": aligned},
        )
        for aligned, mode in _ALIGNED
    ),
    _torchvision(
        "ops.roi_pool",
        "",
        "roi-pool",
        operators.torchvision_pool,
        arguments={"operator": "roi_pool"},
        takes=("spatial_scale",),
        takes_random_calls=True,
    ),
    _torchvision("ops.ps_roi_align", "", "ps-roi-align", operators.torchvision_ps_roi_align),
    _torchvision(
        "ops.ps_roi_pool",
        "",
        "ps-roi-pool",
        operators.torchvision_pool,
        arguments={"operator": "ps_roi_pool"},
        takes=("spatial_scale",),
    ),
    *(
        Peer(
            library,
            module,
            "RoiAlign-16",
            mode,
            f"onnx-{mode.replace('_', '-')}",
            runtimes.onnx_roi_align,
            {"runtime": module, "mode": mode},
            ("avg", "max"),
            takes=_RATIO_AND_POOLING,
            takes_random_calls=True,
        )
        for library, module in (("ONNX Runtime", "onnxruntime"), ("ONNX reference", "onnx"))
        for mode in ("half_pixel", "output_half_pixel")
    ),
    *(
        Peer(
            "OpenVINO",
            "openvino",
            "ROIAlign-9",
            mode,
            f"openvino-{mode.replace('_', '-')}",
            runtimes.openvino_roi_align,
            {"mode": mode},
            ("avg", "max"),
            takes=_RATIO_AND_POOLING,
            dtypes=("f4",),
            tolerance=3e-5,
            takes_random_calls=True,
        )
        for mode in ("asymmetric", "half_pixel", "half_pixel_for_nn")
    ),
    # Features of any type, but coordinates and results are of single precision.
    Peer(
        "TensorFlow",
        "tensorflow",
        "image.crop_and_resize",
        "",
        "tensorflow",
        operators.tensorflow_crop_and_resize,
        takes=("extrapolation_value",),
        dtypes=("f4",),
        takes_random_calls=True,
    ),
    *(
        Peer(
            library,
            package,
            "multilevel_crop_and_resize",
            "",
            "model-garden",
            operators.multilevel_crop_and_resize,
            {"package": package},
            takes=("spatial_scale",),
            is_square=True,
        )
        for library, package in (
            ("TF Model Garden", "tf-models-official"),
            ("KerasCV", "keras-cv"),
        )
    ),
    *(
        Peer(
            "TF Object Detection API",
            "tf-models-research-object-detection",
            "multilevel_roi_align",
            f"align_corners={align_corners}",
            "od-api-align-corners" if align_corners else "od-api",
            operators.multilevel_roi_align,
            {"align_corners": align_corners},
            takes=("sampling_ratio",),
            has_adaptive_grid=False,
        )
        for align_corners in (False, True)
    ),
    *(
        Peer(
            "Paddle",
            "paddlepaddle",
            "vision.ops.roi_align",
            mode,
            "paddle" if aligned else "paddle-legacy",
            operators.paddle_roi_align,
            {"aligned": aligned},
            takes_random_calls=True,
        )
        for aligned, mode in _ALIGNED
    ),
    *(
        Peer(
            "MXNet",
            "mxnet",
            "contrib.ROIAlign",
            f"{mode}, position_sensitive=True" if position_sensitive else mode,
            "-".join(
                ["mxnet", *["position-sensitive"] * position_sensitive, *["aligned"] * aligned]
            ),
            operators.mxnet_roi_align,
            {"aligned": aligned, "position_sensitive": position_sensitive},
        )
        for position_sensitive in (False, True)
        for aligned, mode in _ALIGNED
    ),
    *(
        Peer(
            "MindSpore",
            "mindspore",
            "ops.ROIAlign",
            f"roi_end_mode={mode}",
            preset,
            operators.mindspore_roi_align,
            {"roi_end_mode": mode},
        )
        for mode, preset in ((1, "mindspore"), (0, "mindspore-legacy"))
    ),
    *(
        Peer(
            "TVM",
            "apache-tvm",
            "topi.vision.roi_align_nchw",
            mode,
            "tvm-aligned" if aligned else "tvm",
            operators.tvm_roi_align,
            {"aligned": aligned},
            ("avg", "max"),
            takes=_RATIO_AND_POOLING,
        )
        for aligned, mode in _ALIGNED
    ),
    *(
        Peer(
            "ncnn",
            "ncnn",
            "ROIAlign",
            f"version={version}, {mode}",
            f"ncnn-{version}-aligned" if aligned else f"ncnn-{version}",
            operators.ncnn_roi_align,
            {"version": version, "aligned": aligned},
            damages_memory=version == 0,
        )
        for version in (0, 1)
        for aligned, mode in _ALIGNED
    ),
    *(
        Peer(
            "MNN",
            "MNN",
            "ROIAlign",
            mode,
            "mnn-aligned" if aligned else "mnn",
            operators.mnn_roi_align,
            {"aligned": aligned},
            ("avg", "max"),
            takes=_RATIO_AND_POOLING,
        )
        for aligned, mode in _ALIGNED
    ),
    *(
        Peer(
            "onnx2tf",
            "onnx2tf",
            "RoiAlign-16",
            f"sampling_ratio={ratio}",
            "onnx2tf" if ratio else "onnx2tf-adaptive",
            operators.onnx2tf_roi_align,
            {"ratio": ratio},
            ("avg", "max"),
            takes=("spatial_scale", "pooling"),
        )
        for ratio in (2, 0)
    ),
]
