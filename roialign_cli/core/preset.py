"""A convention with a name, and how its rules are known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from roialign_cli.core.convention import Convention, Pooling

Evidence = Literal["measured", "from source", "documentation", "definition", "the document"]

FLT_MAX = 3.4028234663852886e38


@dataclass(frozen=True)
class Preset:
    """A convention with a name.

    Parameters
    ----------
    convention
        The rules; its `name` is the name of the preset.
    framework
        The library, runtime or publication that the operator is from, in lower case.
    summary
        Which operator and mode of the library it is, in one line.
    source
        The library's version and file that define the rules.
    quirks
        What surprises users of this operator.
    evidence
        How the rules are known: the outputs of the operator were "measured", or its rules were read
        in its source code, in its documentation, in a publication that defines it, or in the
        document of the worked example.
    poolings
        The poolings that the operator has.
    output_size
        (rows, columns) of sections that commands use without --output-size.
    """

    convention: Convention
    framework: str
    summary: str
    source: str
    quirks: str
    evidence: Evidence = "measured"
    poolings: tuple[Pooling, ...] = ("avg",)
    output_size: tuple[int, int] = (7, 7)

    @property
    def name(self) -> str:
        """The name by which commands and calls choose the preset."""
        return self.convention.name
