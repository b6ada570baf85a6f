"""Show how the operators of the family are related, and the known mistakes of exporters."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from roialign_cli.core.convention import Convention
from roialign_cli.core.preset import Preset
from roialign_cli.search.mistakes import MISTAKES
from roialign_cli.show.document.blocks import Block, Heading, Paragraph
from roialign_cli.show.numbers import capitalised


@dataclass(frozen=True)
class Branch:
    """A kind of operator.

    Parameters
    ----------
    name
        Its usual name.
    level
        How many steps it is from ROI Pool.
    step
        What it changes in the operator one level above.
    holds
        Whether a convention is of this kind.
    """

    name: str
    level: int
    step: str
    holds: Callable[[Convention], bool]


def _is_position_sensitive(c: Convention) -> bool:
    return c.channel_map == "position-sensitive"


# From the root; the first branch that holds, from the last one up, is that of a convention.
_BRANCHES = (
    Branch("ROI Pool", 0, "rounds boxes to whole cells and pools the cells of each section",
           lambda c: c.points == "cells"),
    Branch("position-sensitive ROI Pool", 1, "reads a channel of its own in each section",
           lambda c: c.points == "cells" and _is_position_sensitive(c)),
    Branch("RoIWarp", 1, "interpolates between cells; boxes are still rounded",
           lambda c: c.points != "cells" and c.edge_rounding != "none"),
    Branch("ROI Align", 2, "rounds nothing",
           lambda c: c.points != "cells" and c.edge_rounding == "none"),
    Branch("position-sensitive ROI Align", 3, "reads a channel of its own in each section",
           lambda c: c.points == "centred" and _is_position_sensitive(c)),
    Branch("crop and resize", 3, "takes one point per section by default",
           lambda c: (c.points == "corners" and c.grid_from == "section")
           or (c.points == "centred" and c.sampling_ratio == 1 and c.edge_rounding == "none")),
    Branch("PrRoIPool", 3, "integrates over each section instead of sampling points",
           lambda c: c.points == "integral"),
)  # fmt: skip


def family(presets: Sequence[Preset]) -> Iterator[Block]:
    """Yield the family tree of some presets, from ROI Pool to its descendants."""
    members: dict[Branch, list[str]] = {branch: [] for branch in _BRANCHES}
    for row in presets:
        branch = next(b for b in reversed(_BRANCHES) if b.holds(row.convention))
        members[branch].append(row.name)
    yield Heading(1, "From ROI Pool to its descendants")
    for branch, names in members.items():
        if names:
            indent = 3 * branch.level
            arrow = "└─ " if branch.level else ""
            yield Paragraph(f"{arrow}{branch.name}: {branch.step}.", indent=max(indent - 3, 0))
            yield Paragraph(", ".join(names), indent=indent)
    yield Paragraph("")
    yield Paragraph(
        "Rotated ROI Align and deformable ROI pooling belong to the family, too, but they are not "
        "two sampling plans, one along y and one along x, so there is no preset for them: the "
        "points of a rotated box lie on lines that are not parallel to the axes, and a deformable "
        "operator moves every section by an offset of its own."
    )


def known_mistakes() -> Iterator[Block]:
    """Yield the mistakes of exporters and importers, each with the programs that make it."""
    for mistake in MISTAKES:
        if mistake.culprits:
            yield Paragraph(f"{capitalised(mistake.text)}:")
        for culprit in mistake.culprits:
            yield Paragraph(f"{culprit.program} ({culprit.version}, {culprit.date})", indent=2)
