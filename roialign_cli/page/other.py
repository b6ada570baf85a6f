"""The second preset, with which the page compares the output of the chosen preset."""

from __future__ import annotations

from dataclasses import replace

from roialign_cli.analysis.trace import Trace
from roialign_cli.core.operation import Operation
from roialign_cli.errors import ArgumentError
from roialign_cli.page.session import Session
from roialign_cli.page.state import State


def other_operation(session: Session, state: State, one: Operation) -> Operation | None:
    """Return the operation of a state with the rules of the second preset, None for ROI Pool.

    Parameters
    ----------
    session, state
        The features, and what the page has chosen.
    one
        The operation of the chosen preset.
    """
    if state.other is None:
        return None
    convention = session.convention(state.other, state)
    return replace(one, convention=convention, features=session.maps_read(state, convention))


def other_trace(session: Session, state: State, one: Operation) -> Trace | None:
    """Return the trace of the second preset; the parameters are those of `other_operation`.

    Raises
    ------
    ArgumentError
        About `other`, if the second preset cannot be applied to the box.
    """
    try:
        operation = other_operation(session, state, one)
        return None if operation is None else session.trace_of(operation, state)
    except ArgumentError as error:
        raise ArgumentError("other", f"{state.other}: {error.problem}") from None
