"""Write golden values that show every rule, and a pytest file that compares a kernel with them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from roialign_cli import __version__
from roialign_cli.cli.streams import message
from roialign_cli.errors import ArgumentError, unknown_suffix
from roialign_cli.files.writing import atomic_write, check_writable

if TYPE_CHECKING:
    from roialign_cli.core.convention import Convention
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


def check_tests(path: Path, *, force: bool) -> None:
    """Raise an error if the files of --save-tests cannot or must not be written."""
    for file in files_of(path):
        check_writable(file, force=force)


def write_tests(
    path: Path, cases: Sequence[GoldenCase], convention: Convention, call: str, *, force: bool
) -> None:
    """Write the arrays of cases and, to a .py file, the tests.

    Parameters
    ----------
    path
        A .py file, beside which the .npz file is written; or the .npz file alone.
    cases
        The calls and their outputs.
    convention
        The rules that give the outputs.
    call
        Lines of Python that define `run`, which calls the kernel.
    force
        Whether existing files are overwritten.
    """
    from roialign_cli.measure.golden import golden_arrays

    for file in files_of(path):
        with atomic_write(file, force=force) as opened:
            if file.suffix.lower() == ".npz":
                np.savez_compressed(opened, **golden_arrays(cases))  # type: ignore[arg-type]
            else:
                opened.write(_tests(path, convention, call).encode())
        message(f"wrote {file}")


def _tests(path: Path, convention: Convention, call: str) -> str:
    return _TEMPLATE.format(
        name=f"{convention.name} ({convention.pooling})",
        version=__version__,
        arrays=path.with_suffix(".npz").name,
        call=call.strip(),
    )


_TEMPLATE = '''"""Compare a kernel with golden values of ROI Align by the rules of {name}.

Made by roialign {version}. The values are in {arrays}. The tests named "last digits" show
only how positions are rounded; leave them out with: pytest -k "not digits"
"""

from pathlib import Path

import numpy as np
import pytest

{call}


ARRAYS = np.load(Path(__file__).with_suffix(".npz"))
NAMES = ARRAYS["names"].tolist()


@pytest.mark.parametrize("name", NAMES)
def test_golden_values(name):
    number = NAMES.index(name)

    def array(member):
        return ARRAYS[f"{{number}}.{{member}}"]

    ratio = int(array("sampling_ratio"))
    with np.errstate(all="ignore"):
        output = run(
            features=array("features"),
            boxes=array("boxes"),
            batch_index=array("batch_index"),
            output_size=tuple(array("output_size").tolist()),
            spatial_scale=float(array("spatial_scale")),
            sampling_ratio=None if ratio < 0 else ratio,
        )
    expected = array("expected")
    largest = np.abs(expected[np.isfinite(expected)]).max(initial=1)
    tolerance = 1e-2 if np.asarray(output).dtype == np.float16 else 1e-4
    np.testing.assert_allclose(
        output,
        expected,
        rtol=tolerance,
        atol=tolerance / 10 * largest,
        err_msg=f"This case shows these rules: {{ARRAYS['rules'][number]}}",
    )
'''
