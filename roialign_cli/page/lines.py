"""The command lines that reproduce a state of the page."""

from __future__ import annotations

import shlex

from roialign_cli.core.convention import BOX_FIELDS, Convention
from roialign_cli.page.session import Session
from roialign_cli.page.state import State
from roialign_cli.show.document.command_line import changed_fields, convention_words

# The file names in the command lines.
_PICTURE, _PAGE = "steps.png", "roi.html"


def command_lines(
    session: Session,
    state: State,
    convention: Convention,
    section: tuple[int, int],
    other: Convention | None,
) -> dict[str, str]:
    """Return the command lines that compute, explain and draw the same, quoted for a shell.

    `run` cannot combine channels; without a channel it prints all of them, as `compare` does.

    Parameters
    ----------
    session, state
        The features, and what the page has chosen.
    convention
        The rules of the state.
    section
        The section (i, j) that is explained.
    other
        The rules of the second preset; None for no line that compares.
    """
    operator = _operator(session, state, convention)
    channel = ["--channel", f"{state.channel}"]
    place: list[str] = []
    if state.section is not None or state.point is not None:
        place += ["--section", "{},{}".format(*section)]
    if state.point is not None:
        place += ["--point", "{},{}".format(*state.point)]
    calls = {
        "run": ["run", *operator, *([] if isinstance(state.channel, str) else channel)],
        "explain": ["explain", *operator, *channel, *place],
        "plot": ["plot", *operator, *channel, *place, "-o", _PICTURE],
        "page": ["explain", *operator, *channel, *place, "-o", _PAGE],
    }
    # Without the same channels in both outputs, there is nothing to compare.
    if other is not None and other.channel_map == convention.channel_map:
        calls["compare"] = ["compare", *operator, "--with", _second(convention, other)]
    return {name: f"roialign {shlex.join(words)}" for name, words in calls.items()}


def _second(convention: Convention, other: Convention) -> str:
    """Return the second preset and the fields that the options do not set, as --with reads them."""
    shared = changed_fields(convention)
    own = [
        f"{name}={value}".lower()
        for name, value in changed_fields(other).items()
        if name not in BOX_FIELDS and (name, value) not in shared.items()
    ]
    return ",".join([other.name, *own])


def remarks(session: Session, state: State) -> dict[str, str]:
    """Return what to do before the commands can run, if anything."""
    if not state.edits:
        return {}
    place = "in the folder in which the commands run"
    return {"remark": f"First save the map as {session.words[0]}, {place}."}


def _operator(session: Session, state: State, convention: Convention) -> list[str]:
    """Return the words for the features, the box and the rules."""
    rows, columns = state.output_size
    numbers = ",".join(repr(number).removesuffix(".0") for number in session.box(state))
    words = [*session.words, "--box", numbers, *convention_words(convention, {})]
    if len(session.operation.features) > 1:
        words += ["--batch-index", f"{state.batch_index}"]
    return [*words, "--output-size", f"{rows}x{columns}"]
