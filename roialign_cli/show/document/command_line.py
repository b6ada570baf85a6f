"""Write the rules of a convention and a scale as options of a command line."""

from __future__ import annotations

from collections.abc import Mapping

from roialign_cli.core.convention import Convention
from roialign_cli.core.overrides import changes
from roialign_cli.core.presets import PRESETS

# The fields that have an option of their own; the others are set by --set.
_OPTIONS = {
    "pooling", "points", "sampling_ratio", "divide", "offset", "min_size", "extrapolation_value",
    "box_format", "origin",
}  # fmt: skip


def changed_fields(convention: Convention) -> dict[str, object]:
    """Return the fields that differ from the preset; all fields of a custom convention."""
    return changes(convention) if convention.name in PRESETS else convention.parameters()


def convention_words(convention: Convention, also: Mapping[str, object]) -> list[str]:
    """Return the words of a command line that choose a convention.

    Parameters
    ----------
    convention
        The rules, named after a preset.
    also
        Fields to state although the preset may have the same values.
    """
    words = ["--preset", convention.name]
    for name, value in (changed_fields(convention) | dict(also)).items():
        if name == "normalized":
            words.append("--normalized" if value else "--absolute")
        elif name in _OPTIONS:
            words += [f"--{name.replace('_', '-')}", f"{value}"]
        else:
            words += ["--set", f"{name}={value}".lower()]
    return words
