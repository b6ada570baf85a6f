"""The presets: every known operator by name.

Adding an operator means adding a row to one of the tables in `core/preset_rows`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from roialign_cli.core.preset import Preset
from roialign_cli.core.preset_rows.devices import DEVICE_PRESETS
from roialign_cli.core.preset_rows.family import FAMILY_PRESETS
from roialign_cli.core.preset_rows.runtimes import RUNTIME_PRESETS
from roialign_cli.core.preset_rows.training import TRAINING_PRESETS
from roialign_cli.errors import ArgumentError, nearest

PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        row.name: row
        for row in (*FAMILY_PRESETS, *TRAINING_PRESETS, *RUNTIME_PRESETS, *DEVICE_PRESETS)
    }
)
"""Name → `Preset`, of every known operator; read-only."""

# Other names of the same operators.
ALIASES: Mapping[str, str] = MappingProxyType(
    {"detectron2": "torchvision-aligned", "caffe2": "torchvision"}
)
_BY_ANY_NAME = {**PRESETS, **{alias: PRESETS[name] for alias, name in ALIASES.items()}}


def preset(name: str) -> Preset:
    """Return the preset with this name or alias.

    Raises
    ------
    ArgumentError
        If the name is unknown; the message suggests the most similar name.
    """
    if name in _BY_ANY_NAME:
        return _BY_ANY_NAME[name]
    near = nearest(name, _BY_ANY_NAME, "`roialign presets` lists all")
    raise ArgumentError("convention", f"{name!r} is not a preset; {near}")
