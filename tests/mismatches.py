"""Outputs with one thing wrong, as engineers meet them when they export and port models.

The features are of a real model. The outputs are made by `roi_align` and NumPy, without the search.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

from tests import mismatch_boxes as boxes
from tests import mismatch_kernels as kernels
from tests import mismatch_rows as rows
from tests import mismatch_values as values
from tests.mismatch_base import Mismatch

INSTANCES = (0, 1)

# Name → the function that makes an instance.
MISMATCHES: Mapping[str, Callable[[int], Mismatch]] = MappingProxyType(
    {
        "mode-missing": kernels.mode_missing,
        "mode-opset-11": kernels.shift_missing,
        "mode-max": kernels.max_mode,
        "roi-pool": kernels.roi_pool,
        "ratio-omitted": kernels.ratio_omitted,
        "ratio-8": kernels.large_ratio,
        "pooled-average": kernels.halved_by_average,
        "pooled-maximum": kernels.halved_by_max,
        "layout-nhwc": rows.channels_last,
        "layout-nchw-transposed": rows.sections_transposed,
        "scale-whole": boxes.whole_scale,
        "scale-rounded": boxes.rounded_scale,
        "scale-wrong": boxes.wrong_scale,
        "scale-fraction": boxes.fractional_scale,
        "scale-resized-image": boxes.resized_image,
        "scale-two-axes": boxes.anisotropic_scale,
        "letterbox": boxes.letterbox,
        "boxes-rounded": boxes.rounded_in_image,
        "boxes-floored": boxes.floored_in_image,
        "boxes-rounded-on-map": boxes.rounded_on_map,
        "boxes-floored-on-map": boxes.floored_on_map,
        "boxes-x2-minus-1": boxes.shorter_along_x,
        "boxes-corner-minus-1": boxes.shorter_along_both,
        "boxes-half-pixel": boxes.shifted,
        "boxes-clipped": boxes.clipped,
        "map-left-right": boxes.mirrored_map,
        "map-up-down": boxes.inverted_map,
        "map-transposed": boxes.transposed_map,
        "level-finer": boxes.finer_level,
        "level-coarser": boxes.coarser_level,
        "level-at-right-scale": boxes.level_at_scale,
        "level-of-some-boxes": boxes.all_levels,
        "rows-permuted": rows.permuted_rows,
        "rows-by-score": rows.rows_by_score,
        "rows-by-area": rows.rows_by_area,
        "rows-swapped": rows.swapped_rows,
        "rows-top-100": rows.top_rows,
        "rows-padded": rows.padded_rows,
        "rows-duplicated": rows.duplicated_rows,
        "rows-nan": rows.rows_of_nan,
        "rows-mixed": rows.mixed_rows,
        "shape-flat": rows.flat_rows,
        "shape-flat-sections": rows.flat_sections,
        "shape-batch-axis": rows.one_batch,
        "shape-two-batches": rows.batch_of_rows,
        "batch-unequal": rows.unequal_batches,
        "batch-interleaved": rows.interleaved_batches,
        "batch-swapped": rows.swapped_batches,
        "batch-last-column": rows.batch_in_last_column,
        "half-features": values.half_features,
        "half-coordinates": values.half_coordinates,
        "half-both": values.half_features_and_coordinates,
        "half-kernel": values.half_kernel,
        "tf32-features": values.tf32_features,
        "bfloat16": values.bfloat16,
        "int8-raw": values.int8_raw,
        "int8-dequantised": values.int8_dequantised,
        "uint8-zero-point": values.uint8_zero_point,
        "noise": values.noise,
        "random-output": values.random_output,
        "gain-bias": values.channel_gains,
        "gain-255": values.divided_by_255,
        "gain-imagenet": values.imagenet,
        "relu-before": values.relu_before,
        "relu-after": values.relu_after,
        "channels-reversed": values.reversed_channels,
        "channels-permuted": values.permuted_channels,
        "kernel-floor": kernels.floor_for_ceil,
        "kernel-zero-outside": kernels.zero_outside,
        "kernel-clamp": kernels.always_clamped,
        "kernel-divide-inside": kernels.divided_by_inside,
        "kernel-swapped-weights": kernels.swapped_weights,
        "kernel-exchanged-weights": kernels.exchanged_weights,
        "kernel-corner-points": kernels.points_at_corners,
        "kernel-nearest": kernels.nearest_neighbour,
        "kernel-no-division": kernels.not_divided,
    }
)


def mismatches() -> Iterator[Mismatch]:
    """Yield every mismatch, each in two instances, and make it when it is asked for."""
    for make in MISMATCHES.values():
        yield from map(make, INSTANCES)
