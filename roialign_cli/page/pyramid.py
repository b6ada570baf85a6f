"""The page of a pyramid: the box of a state is pooled from the map that the rule chooses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from roialign_cli.analysis.pyramid_records import level_record
from roialign_cli.core.pyramid import NO_LEVEL
from roialign_cli.core.pyramid_operation import PyramidOperation
from roialign_cli.errors import ArgumentError
from roialign_cli.show.document.blocks import Block
from roialign_cli.show.document.level_step import level_step

if TYPE_CHECKING:
    from roialign_cli.page.session import Session
    from roialign_cli.page.state import Four, State


@dataclass(frozen=True)
class PagePyramid:
    """The maps of a pyramid, between which a page changes.

    Parameters
    ----------
    operation
        The operation of all boxes on each map.
    sessions
        What a page shows of each map.
    shown
        The map that is shown, from 0.
    """

    operation: PyramidOperation
    sessions: tuple[Session, ...]
    shown: int

    def of_box(self, box: Four) -> PagePyramid:
        """Return the pyramid with only this box.

        Raises
        ------
        ArgumentError
            If the rule sends the box to no map.
        """
        operation = self.operation.with_boxes(np.array([box]))
        if operation.index[0] == NO_LEVEL:
            rule = operation.levels.rule.name
            problem = f"is on no map by the rule {rule}, so that its outputs are 0"
            raise ArgumentError("boxes", f"{problem}; give the box another size")
        return replace(self, operation=operation, shown=int(operation.index[0]))

    def session(self) -> Session:
        """Return what the page shows of the map."""
        return replace(self.sessions[self.shown], pyramid=self)

    @property
    def level(self) -> int:
        """The level of the map that is shown, as the rule numbers levels."""
        return self.operation.levels.first + self.shown

    def record(self, roi: int) -> dict[str, Any]:
        """Return the level of a box as plain data: that of `explain`, and the name of the map."""
        level = int(self.operation.index[roi])
        session = self.sessions[level]
        return level_record(self.operation, roi) | {
            "map": session.title,
            "frame_height": session.operation.frame.height,
        }


def on_level(session: Session, state: State) -> Session:
    """Return the session on the map that the box of a state is pooled from."""
    if session.pyramid is None:
        return session
    return session.pyramid.of_box(session.box(state)).session()


def level_answer(session: Session, roi: int = 0) -> dict[str, Any]:
    """Return what an answer has about the level of a box; nothing without a pyramid."""
    return {} if session.pyramid is None else {"pyramid": session.pyramid.record(roi)}


def level_blocks(session: Session, roi: int) -> Iterator[Block]:
    """Yield the explanation of the level of a box; nothing without a pyramid."""
    if session.pyramid is not None:
        yield from level_step(session.pyramid.operation, roi)
