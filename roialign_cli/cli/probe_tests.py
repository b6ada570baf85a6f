"""Write golden values that show every rule, and a pytest file that compares a kernel with them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from roialign_cli.cli.probe_code import KernelCode
from roialign_cli.cli.streams import message
from roialign_cli.errors import ArgumentError, unknown_suffix
from roialign_cli.files.writing import atomic_write, check_writable

if TYPE_CHECKING:
    from roialign_cli.core.convention import Convention, Pooling
    from roialign_cli.measure.golden import GoldenCase

_SUFFIXES = (".py", ".npz")


def files_of(path: Path) -> tuple[Path, ...]:
    """Return the files that --save-tests writes: the arrays, and the tests if they are named.

    Raises
    ------
    ArgumentError
        If the path has another suffix than .py or .npz.
    """
    if path.suffix.lower() not in _SUFFIXES:
        raise ArgumentError("save_tests", unknown_suffix(path, _SUFFIXES))
    return tuple(dict.fromkeys((path.with_suffix(".npz"), path)))


def check_tests(path: Path, *, force: bool, read: tuple[str, ...]) -> None:
    """Raise an error if the files of --save-tests cannot or must not be written."""
    for file in files_of(path):
        check_writable(file, force=force, read=read)


def rules_of_tests(name: str, pooling: Pooling | None) -> Convention:
    """Return the rules of a preset with a pooling, or that of the preset if it is None.

    Raises
    ------
    ArgumentError
        If there is no such preset, or it does not have the pooling.
    """
    from roialign_cli.core.presets import preset
    from roialign_cli.measure.nearest import with_pooling

    row = preset(name)
    if pooling is None:
        return row.convention
    if pooling not in row.poolings:
        has = " and ".join(row.poolings)
        raise ArgumentError("pooling", f"{row.name} has only {has}; remove the option")
    return with_pooling(row, pooling)


def write_tests(
    path: Path,
    cases: Sequence[GoldenCase],
    convention: Convention,
    code: KernelCode,
    *,
    force: bool,
) -> None:
    """Write the arrays of cases and, to a .py file, the tests.

    No file appears before both are complete.

    Parameters
    ----------
    path
        A .py file, beside which the .npz file is written; or the .npz file alone.
    cases
        The calls and their outputs.
    convention
        The rules that give the outputs.
    code
        How the kernel is called.
    force
        Whether existing files are overwritten.
    """
    from roialign_cli.cli.probe_test_file import pytest_file
    from roialign_cli.measure.golden import golden_arrays

    with ExitStack() as files:
        for file in files_of(path):
            opened = files.enter_context(atomic_write(file, force=force))
            if file.suffix.lower() == ".npz":
                np.savez_compressed(opened, **golden_arrays(cases))  # type: ignore[arg-type]
            else:
                text = pytest_file(path, convention, code)
                opened.write(text.encode(errors="backslashreplace"))
            opened.flush()  # so that a full disk is an error now
    for file in files_of(path):
        message(f"wrote {file}")
