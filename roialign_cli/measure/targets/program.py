"""Run a program that writes the answers into a folder."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from roialign_cli.errors import ArgumentError, FileError
from roialign_cli.measure.targets.answers import FolderTarget, answer_files
from roialign_cli.measure.targets.group import Group, ended_by_signals, ending, last_line
from roialign_cli.measure.targets.manifest import read_manifest


def run_program(folder: Path, command: Sequence[str], *, seconds: float) -> FolderTarget:
    """Run a program with the folder as its last argument, and return its answers.

    Parameters
    ----------
    folder
        The folder with the calls. Answers that are there already are removed.
    command
        The program and its arguments.
    seconds
        How long the program may take; it is then killed with all that it has started.

    Raises
    ------
    FileError
        If the manifest is damaged, or if an answer that is there already cannot be removed.
    ArgumentError
        If the program cannot be started, or writes no answer.
    """
    entries, _ = read_manifest(folder)
    if shutil.which(command[0]) is None:  # before answers are removed
        raise ArgumentError("program", f"{command[0]} {_why_not_startable(command[0])}")
    for file in answer_files(folder, entries):
        try:
            file.unlink()
        except OSError as error:
            raise FileError(file, f"cannot be removed: {error.strerror}; remove it") from None
    problem = _run([*command, str(folder)], seconds)
    if not answer_files(folder, entries):
        outcome = problem or "ended without an error"
        raise ArgumentError("program", f"{command[0]} wrote no answers; it {outcome}")
    return FolderTarget(folder, shlex.join(command), f"the program {problem}" if problem else "")


def _why_not_startable(name: str) -> str:
    """Return why a program cannot be started, and what to do."""
    if Path(name).is_dir():
        return "is a folder; name a program"
    if Path(name).exists() and os.sep in name:
        return f"is not executable; run chmod +x {shlex.quote(name)}"
    if Path(name).exists():
        return f"is not a command; write ./{shlex.quote(name)}"
    return "does not exist; name a program, as in ./kernel"


def _run(command: Sequence[str], seconds: float) -> str:
    """Return what went wrong, as a clause; "" if the program ended with status 0."""
    with tempfile.TemporaryFile() as errors:
        try:
            group = Group(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors
            )
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            problem = f"{command[0]} cannot be started: {reason}; name a program"
            raise ArgumentError("program", problem) from None
        try:
            with ended_by_signals(), group.killed_after(seconds) as is_late:
                status = group.process.wait()
        finally:
            group.end()
        if is_late():
            return f"did not end within {seconds:g} s, and was stopped{last_line(errors)}"
        return f"ended with {ending(status)}{last_line(errors)}" if status else ""
