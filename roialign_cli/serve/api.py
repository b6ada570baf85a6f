"""Answer the questions of the page: JSON in, JSON or a file out, every failure one line."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, NoReturn

from roialign_cli.analysis.records import to_json
from roialign_cli.errors import ArgumentError, RoiAlignError
from roialign_cli.page import answers
from roialign_cli.page.assets import HTML
from roialign_cli.page.channels import channels_answer
from roialign_cli.page.edits import array_answer, edited_session
from roialign_cli.page.probe import value_answer
from roialign_cli.page.pyramid import on_level
from roialign_cli.page.session import Session
from roialign_cli.page.state import State, parse_state

JSON = "application/json; charset=utf-8"

# Question → the function that answers with a JSON object.
_RECORDS: dict[str, Callable[[Session, State], dict[str, Any]]] = {
    "trace": answers.trace_answer,
    "point": answers.point_answer,
    "value": value_answer,
    "map": answers.map_answer,
    "channels": channels_answer,
    "commands": answers.commands_answer,
}
# Question → the function that answers with the bytes of a file, and their media type.
_FILES: dict[str, tuple[Callable[[Session, State], bytes], str]] = {
    "picture": (answers.picture_answer, "image/png"),
    "page": (answers.page_answer, HTML),
    "array": (array_answer, "application/octet-stream"),
}
QUESTIONS = (*_RECORDS, *_FILES)

# The name of an argument in Python → the field of the state.
_FIELDS = {"boxes": "box", "convention": "preset"}

# Parallel answers would be no faster, and need more memory. Numbers do not wait for files.
# Matplotlib's settings are those of the process.
_ONE_RECORD_AT_A_TIME = threading.Lock()
_ONE_FILE_AT_A_TIME = threading.Lock()


@dataclass(frozen=True)
class Reply:
    """The status, the bytes and the media type of an answer."""

    status: HTTPStatus
    content: bytes
    media_type: str = JSON


def failure(status: HTTPStatus, message: str, argument: str | None = None) -> Reply:
    """Return an error as a reply.

    Parameters
    ----------
    status
        The HTTP status.
    message
        What is wrong, and what to do, in one line.
    argument
        The field of the state that is wrong; None if that is not known.
    """
    record = {"error": {"argument": argument, "message": " ".join(message.split())}}
    return Reply(status, to_json(record, indent=None).encode())


def answer(session: Session, question: str, body: bytes) -> Reply:
    """Return the answer to a question.

    Parameters
    ----------
    session
        The features, boxes and rules.
    question
        One of `QUESTIONS`.
    body
        The state, as JSON in UTF-8.
    """
    try:
        record = json.loads(body, parse_constant=_refuse, object_pairs_hook=_without_repetition)
    except (ValueError, RecursionError) as error:
        reason = "values are nested too deeply" if isinstance(error, RecursionError) else error
        return failure(HTTPStatus.BAD_REQUEST, f"the body is not valid JSON: {reason}")
    try:
        return _answer(session, question, parse_state(record))
    except ArgumentError as error:
        argument = _FIELDS.get(error.argument, error.argument)
        return failure(HTTPStatus.UNPROCESSABLE_ENTITY, error.problem, argument)
    except RoiAlignError as error:
        return failure(HTTPStatus.UNPROCESSABLE_ENTITY, str(error))
    except MemoryError:
        problem = "out of memory; use fewer points or sections"
        return failure(HTTPStatus.INTERNAL_SERVER_ERROR, problem)


def _answer(session: Session, question: str, state: State) -> Reply:
    session = on_level(edited_session(session, state.edits), state)
    if question in _FILES:
        make, media_type = _FILES[question]
        with _ONE_FILE_AT_A_TIME:
            return Reply(HTTPStatus.OK, make(session, state), media_type)
    with _ONE_RECORD_AT_A_TIME:
        record = _RECORDS[question](session, state)
    return Reply(HTTPStatus.OK, to_json(record, indent=None).encode())


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a JSON number")


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) < len(pairs):
        raise ValueError("a key occurs twice")
    return record
