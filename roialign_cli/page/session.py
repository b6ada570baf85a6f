"""The features, boxes and rules that a page begins with, and the operation of each state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from roialign_cli.analysis.records import Defaults
from roialign_cli.analysis.scaling import ScaleSource
from roialign_cli.analysis.trace import (
    Trace,
    checked_channel,
    trace_operation,
)
from roialign_cli.core.boxes import box_height, written_as
from roialign_cli.core.channels import channels_read, output_channels
from roialign_cli.core.convention import BOX_FIELDS, Convention, Summary
from roialign_cli.core.operation import Operation, make_operation
from roialign_cli.core.overrides import applicable_overrides, resolve
from roialign_cli.core.preset import Preset
from roialign_cli.core.presets import PRESETS, preset
from roialign_cli.errors import ArgumentError, checked_index
from roialign_cli.page.edits import Edit, editing_record
from roialign_cli.page.pyramid import PagePyramid
from roialign_cli.page.state import MAX_PAGE_SECTIONS, MAX_SAMPLING_RATIO, Four, State
from roialign_cli.show.numbers import PHOTO_COLOURS, describe

MAX_PICTURED_CHANNELS = 32  # in one answer with small pictures


@dataclass(frozen=True)
class Session:
    """What a page begins with.

    Parameters
    ----------
    operation
        The boxes of the call. How they are written and their scale never change.
    title
        The name of the features.
    subject
        One line that names the features, the convention and how the boxes are read.
    names
        The label and the score of each box as text.
    image
        The photograph, (H, W, 3) or (H, W), uint8; None for an array.
    stride
        Image pixels per cell of a photograph; None for an array.
    source
        What determined the scale.
    defaults
        What the command chose because nothing else decided it.
    overrides
        The fields of the convention that options set, except those of the state. They apply to
        every preset that has the rule.
    words
        The words of a command line that name the features and the scale; the first is the file.
    layout
        The axes of the array in the file, such as "CHW"; None for a photograph, or if no cell can
        be edited.
    pyramid
        The maps that boxes of other sizes are pooled from; None for a single map.
    """

    operation: Operation
    title: str
    subject: str
    names: tuple[str, ...]
    image: NDArray[np.uint8] | None
    stride: int | None
    source: ScaleSource
    defaults: Defaults
    overrides: Mapping[str, Any]
    words: tuple[str, ...]
    layout: str | None = None
    pyramid: PagePyramid | None = None
    # The session with the last edits, so that the features are not copied for every question.
    last_edited: dict[tuple[Edit, ...], Session] = field(default_factory=dict)
    _maps: dict[tuple[int, int | Summary], NDArray[Any]] = field(default_factory=dict)

    def convention(self, name: str, state: State) -> Convention:
        """Return the rules of a preset with the pooling and the sampling ratios of a state.

        Boxes are read as those of the call.
        """
        return self._rules(
            preset(name),
            {
                "pooling": state.pooling,
                "sampling_ratio": state.sampling_ratio,
                "sampling_ratio_x": state.sampling_ratio_x,
            },
        )

    def _rules(self, row: Preset, chosen: Mapping[str, Any]) -> Convention:
        given = {name: value for name, value in chosen.items() if value is not None}
        shared = applicable_overrides(row.convention, **{**self.overrides, **given})
        own = self.operation.convention
        reading: dict[str, Any] = {name: getattr(own, name) for name in BOX_FIELDS}
        return replace(resolve(row.convention, **shared), **reading)

    def channel_map(self, batch_index: int, channel: int | Summary) -> NDArray[Any]:
        """Return one channel of a feature map, or a summary of all channels, (1, 1, H, W)."""
        maps = len(self.operation.features)
        n = checked_index("batch_index", batch_index, maps, "map")
        if not isinstance(channel, str):
            channels = self.operation.features.shape[1]
            channel = checked_index("channel", channel, channels, "channel")
            return self.operation.features[n : n + 1, channel : channel + 1]
        if (n, channel) not in self._maps:
            on_map = replace(self.operation, batch_index=np.full(1, n, np.intp))
            self._maps[n, channel] = on_map.for_box_and_channel(0, channel).features
        return self._maps[n, channel]

    def maps_read(self, state: State, convention: Convention) -> NDArray[Any]:
        """Return the channels that the output channel of a state is pooled from, (1, M, H, W).

        Raises
        ------
        ArgumentError
            If there is no such map or channel, or the preset cannot divide the channels of the
            features among its sections.
        """
        if convention.channel_map == "same":
            return self.channel_map(state.batch_index, state.channel)
        n = checked_index("batch_index", state.batch_index, len(self.operation.features), "map")
        operation = replace(self.operation, convention=convention, output_size=state.output_size)
        try:
            channel = checked_channel(operation, state.channel)
        except ArgumentError as error:
            if error.argument != "features":
                raise
            problem = f"{error.problem}; choose another preset or output size"
            raise ArgumentError("preset", problem) from None
        assert not isinstance(channel, str)  # noqa: S101 - which a position-sensitive one refuses
        read = channels_read(channel, convention, state.output_size)
        return self.operation.features[n : n + 1, read.start : read.stop]

    def one(self, state: State) -> Operation:
        """Return the operation on the box and the channel of a state."""
        if state.roi is not None:
            checked_index("roi", state.roi, len(self.operation.boxes_given), "box")
        maps = self.maps_read(state, self.convention(state.preset, state))
        return self._call(state, maps, 0)

    def _call(self, state: State, features: NDArray[Any], batch_index: int) -> Operation:
        own, convention = self.operation, self.convention(state.preset, state)
        return make_operation(
            features,
            [self.box(state)],
            state.output_size,
            convention=convention,
            spatial_scale=None if convention.normalized else own.spatial_scale,
            batch_index=batch_index,
            image_height=own.image_height,
        )

    def trace(self, state: State) -> Trace:
        """Return the trace of a state."""
        return self.trace_of(self.one(state), state)

    def trace_of(self, one: Operation, state: State) -> Trace:
        """Return the trace of an operation on the box and the channel of a state."""
        return replace(
            trace_operation(one),
            roi=state.roi or 0,
            channels=output_channels(
                self.operation.features.shape[1], one.convention, one.output_size
            ),
            channel=state.channel,
        )

    def only(self, state: State) -> Session:
        """Return the session of a command that has only the box and the rules of a state."""
        call = self._call(state, self.operation.features, state.batch_index)
        defaults = self.defaults_of(call.convention)
        return replace(
            self,
            operation=call,
            subject=describe(self.title, call, defaults),
            names=("",),
            defaults=defaults,
        )

    def defaults_of(self, convention: Convention) -> Defaults:
        """Return what is left to the preset by a command with these rules."""
        own = PRESETS[convention.name].convention
        reading = (convention.box_format, convention.origin) == (own.box_format, own.origin)
        return replace(self.defaults, preset_of=None, output_size=False, reading=reading)

    def box(self, state: State) -> Four:
        """Return the box of a state as the boxes of the call are written."""
        if state.corners is None:
            assert state.box is not None  # noqa: S101 - the state has one of the two
            return state.box
        convention = self.operation.convention
        written = written_as(
            np.array([state.corners]),
            convention.box_format,
            self.box_height,
            inclusive=convention.inclusive,
        )
        first, second, third, fourth = written[0].tolist()
        return first, second, third, fourth

    @property
    def box_height(self) -> float | None:
        """The height from which y is measured, in box units; None if y points down."""
        own, rows = self.operation, self.operation.map_size[0]
        if own.convention.origin == "top-left":
            return None
        scale, normalized = own.spatial_scale[0], own.convention.normalized
        return box_height(own.image_height, rows, scale, normalized=normalized)

    def record(self) -> dict[str, Any]:
        """Return what both a live and a saved page need once as plain data."""
        maps, channels, rows, columns = self.operation.features.shape
        frame = self.operation.frame
        return {
            "title": self.title,
            "subject": self.subject,
            "feature_map": {"maps": maps, "channels": channels, "height": rows, "width": columns},
            "frame": {"origin": frame.origin, "height": frame.height},
            "image": self._image(),
            "box": self._reading(),
            "boxes": self._boxes(),
            "level": None if self.pyramid is None else self.pyramid.level,
        }

    def live_record(self, start: State) -> dict[str, Any]:
        """Return what a live page needs once as plain data.

        Parameters
        ----------
        start
            The state that the page begins with.
        """
        channels = self.operation.features.shape[1]
        return self.record() | {
            "saved": False,
            "channels": [*range(channels), *get_args(Summary)],
            "presets": [self._preset(row) for row in PRESETS.values()],
            "editing": editing_record(self),
            "limits": {
                "sections": MAX_PAGE_SECTIONS,
                "sampling_ratio": MAX_SAMPLING_RATIO,
                "pictured_channels": MAX_PICTURED_CHANNELS,
            },
            "state": start.record(),
        }

    def _image(self) -> dict[str, Any] | None:
        if self.image is None:
            return None
        height, width = self.image.shape[:2]
        return {
            "width": width,
            "height": height,
            "stride": self.stride,
            "address": "image",
            "channels": list(PHOTO_COLOURS) if self.image.ndim == 3 else ["brightness"],
        }

    def _reading(self) -> dict[str, Any]:
        """Return how boxes are written, and how they lie on the map."""
        own = self.operation.convention
        y, x = self.operation.spatial_scale
        ends_at_centres = own.normalized and own.normalized_by == "last-centre"
        return {
            "format": own.box_format,
            "normalized": own.normalized,
            "spatial_scale": {"x": x, "y": y},
            # Cells between the corner of the map and coordinate 0 of the boxes.
            "zero": 0.5 if ends_at_centres else 0.0,
        }

    def _boxes(self) -> list[dict[str, Any]]:
        own = self.operation
        return [
            {
                "index": r,
                "name": self.names[r],
                "batch_index": int(own.batch_index[r]),
                "box": own.boxes_given[r].tolist(),
                "corners": own.boxes_xyxy[r].tolist(),
            }
            for r in range(len(own.boxes_given))
        ]

    def _preset(self, row: Preset) -> dict[str, Any]:
        """Return what the controls show of a preset, with the overrides of the call."""
        convention = self._rules(row, {})
        has_ratio = bool(applicable_overrides(convention, sampling_ratio=0))
        return {
            "name": row.name,
            "framework": row.framework,
            "summary": row.summary,
            "pooling": convention.pooling,
            "channel_map": convention.channel_map,
            "sampling_ratio": convention.sampling_ratio if has_ratio else None,
        }
