"""The worked example, and the relatives of ROI Align that publications define."""

from __future__ import annotations

from roialign_cli.core.convention import Convention
from roialign_cli.core.preset import FLT_MAX, Preset

FAMILY_PRESETS = (
    Preset(
        Convention(
            name="walkthrough",
            pooling="max",
            points="dividers",
            tie_neighbour="upper",
            coordinate_decimals=2,
            coordinates="double",
            rejects="no-area",
            box_format="xywh",
            origin="bottom-left",
        ),
        framework="the document",
        summary="the worked example: points on the dividing lines of each section, max pooling",
        source="https://github.com/HibernationNo1/TIL (ROI Align), restated in docs/walkthrough.md",
        quirks="Points lie on the dividing lines of a section, not in the middle of its parts. "
        "Coordinates are rounded to two decimals before they are used. For a point on the centre "
        "of a cell, this cell is the upper neighbour.",
        evidence="the document",
        output_size=(3, 3),
        poolings=("max",),
    ),
    Preset(
        Convention(
            name="roi-pool",
            pooling="max",
            max_start=-FLT_MAX,
            max_skips_nan=True,
            points="cells",
            offset=0.0,
            edge_rounding="round-map",
            end_offset=-1.0,
            min_size=1.0,
            tie_neighbour="both",
        ),
        framework="torchvision",
        summary="the quantised predecessor: boxes rounded to whole cells, max over each section",
        source="torchvision.ops.roi_pool 0.29.1, CPU (roi_pool_kernel.cpp)",
        quirks="Box edges are rounded half away from zero and the last cell is part of the box; "
        "every cell is a sample point, and neighbouring sections share cells. NaN cells are "
        "skipped.",
        poolings=("max",),
    ),
    Preset(
        Convention(
            name="ps-roi-pool",
            clamp_count=True,
            points="cells",
            unread_cells=1,
            offset=0.0,
            edge_rounding="round-map",
            min_size=1.0,
            tie_neighbour="both",
            channel_map="position-sensitive",
        ),
        framework="torchvision",
        summary="ps_roi_pool: rounded boxes, the mean of the cells of each section, a "
        "channel for each",
        source="torchvision.ops.ps_roi_pool 0.29.1, CPU (ps_roi_pool_kernel.cpp)",
        quirks="The last row and the last column of the map are never read. Unlike in "
        "roi-pool, the cell in which a box ends is not part of it. The library has "
        "no max pooling.",
    ),
    Preset(
        Convention(
            name="ps-roi-align",
            clamp_count=False,
            channel_map="position-sensitive",
        ),
        framework="torchvision",
        summary="ps_roi_align: each section reads a channel of its own",
        source="torchvision.ops.ps_roi_align 0.29.1, CPU (ps_roi_align_kernel.cpp)",
        quirks="The features need a multiple of rows × columns channels. Coordinates are "
        "always shifted by half a cell. Without points, the average is NaN. The "
        "library has no max pooling.",
    ),
    Preset(
        Convention(
            name="roi-warp",
            sampling_ratio=1,
            point_in_part=0.0,
            offset=0.0,
            inverted_boxes="empty",
            edge_rounding="round-map",
            border_margin=0.5,
        ),
        framework="mnc",
        summary="RoI warping: boxes rounded to whole cells, one interpolated point at the "
        "start of each section",
        source="Instance-aware Semantic Segmentation via Multi-task Network Cascades, 2016; "
        "caffe-mnc (roi_warping_layer.cu)",
        quirks="The first operator that interpolates, between ROI Pool and ROI Align. A "
        "point more than half a cell beyond the outermost cell centres is 0.",
        evidence="definition",
    ),
    Preset(
        Convention(
            name="prroi-pool",
            points="integral",
            offset=0.0,
            inverted_boxes="empty",
            coordinates="double",
        ),
        framework="prroi-pool",
        summary="precise ROI pooling: the integral of the bilinear surface over each section",
        source="Acquisition of Localization Confidence for Accurate Object Detection, 2018; "
        "PreciseRoIPooling, 2017 (prroi_pooling_gpu_impl.cu)",
        quirks="There are no sample points, so nothing jumps when the box moves. Cells "
        "outside the map count as 0. The operator has no max pooling.",
        evidence="definition",
    ),
)
