"""Write a pytest file that compares a kernel with golden values."""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path
from textwrap import indent

from roialign_cli import __version__
from roialign_cli.cli.probe_code import KernelCode
from roialign_cli.core.convention import Convention
from roialign_cli.measure.clauses import clause
from roialign_cli.measure.golden import TOLERANCE


def pytest_file(path: Path, convention: Convention, code: KernelCode) -> str:
    """Return the text of the file.

    Parameters
    ----------
    path
        The file. Its arrays are beside it, in an .npz of the same name.
    convention
        The rules that give the expected outputs.
    code
        How the kernel is called.
    """
    folder = "." if code.folder is None else os.path.relpath(code.folder, path.parent)
    return _TEMPLATE.format(
        name=f"{convention.name} ({convention.pooling})",
        version=__version__,
        file=_in_quotes(shlex.quote(path.name)),
        arrays=_in_quotes(path.with_suffix(".npz").name),
        environment="" if folder == "." else f"PYTHONPATH={_in_quotes(shlex.quote(folder))} ",
        boxes=clause("box format", convention).removeprefix("boxes are "),
        imports=code.imports,
        tolerance=TOLERANCE,
        body=indent(code.body, "    "),
    )


def _in_quotes(name: str) -> str:
    """Return the name of a file or folder as it stands in a string of Python.

    Bytes of the name that are no text become question marks: a docstring cannot hold them.
    """
    text = name.encode("utf-8", "replace").decode()
    return json.dumps(text, ensure_ascii=False)[1:-1]


_TEMPLATE = '''"""Test that a kernel of ROI Align gives the outputs of {name}.

Run in this folder: {environment}pytest {file}

Each test makes one call of the kernel. The inputs and the expected outputs are in
{arrays}, made by roialign {version}. A test that fails prints which rules its call
shows. To call the kernel in another way, change `call_kernel`.

The tests named "last digits" and "whole sizes" show only how coordinates are rounded.
To leave them out: -k "not digits and not whole"
"""

{imports}


def call_kernel(
    features, boxes, batch_index, output_size, spatial_scale, sampling_ratio
):
    """Return the output of the kernel: boxes, channels, rows, columns.

    features: maps, channels, rows, columns; float32.
    boxes: one in each row, {boxes}; float32.
    batch_index: the map of each box, from 0; int64.
    output_size: rows and columns of the output.
    sampling_ratio: points along each axis; 0 for the adaptive grid, None for the default.
    """
{body}


# Relative differences that count as rounding. If a kernel adds in another order, its
# float32 outputs differ by about 1e-7 of the largest value, its float16 outputs by about
# 1e-3. Another rule changes some outputs by far more than these tolerances.
TOLERANCES = {{"float16": 1e-2}}
USUAL_TOLERANCE = {tolerance}

with np.load(Path(__file__).with_suffix(".npz")) as file:
    ARRAYS = dict(file)


@pytest.mark.parametrize("name", ARRAYS["names"])
def test_output(name):
    number = ARRAYS["names"].tolist().index(name)
    case = {{
        key.partition(".")[2]: array
        for key, array in ARRAYS.items()
        if key.startswith(f"{{number}}.")
    }}
    ratio = int(case["sampling_ratio"])
    with np.errstate(all="ignore"):
        output = call_kernel(
            case["features"],
            case["boxes"],
            case["batch_index"],
            tuple(case["output_size"].tolist()),
            float(case["spatial_scale"]),
            None if ratio < 0 else ratio,
        )
    output, expected = np.asarray(output), case["expected"]
    tolerance = TOLERANCES.get(output.dtype.name, USUAL_TOLERANCE)
    largest = np.abs(expected[np.isfinite(expected)]).max(initial=1)
    np.testing.assert_allclose(
        output,
        expected,
        rtol=tolerance,
        atol=tolerance / 10 * largest,
        err_msg=f"Rules that this call shows: {{ARRAYS['rules'][number]}}",
    )
'''
