"""What fuzzing started from and found: nothing but a result or a RoiAlignError comes of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fuzz.targets import TARGETS, run

CORPUS = Path(__file__).parent / "corpus"
_ROUNDS = 4


def changed(data: bytes, rng: np.random.Generator) -> bytes:
    """Return the bytes cut, with some of them changed, or with some of them twice."""
    numbers = bytearray(data)
    for _ in range(rng.integers(1, 5)):
        at = int(rng.integers(0, len(numbers) + 1))
        kind = rng.integers(0, 3)
        if kind == 0:
            del numbers[at:]
        elif kind == 1 and at < len(numbers):
            numbers[at] = rng.integers(0, 256)
        else:
            numbers[at:at] = numbers[at : at + int(rng.integers(0, 40))]
    return bytes(numbers)


@pytest.mark.parametrize("target", TARGETS)
def test_the_corpus_and_changes_of_it(target: str, tmp_path: Path) -> None:
    if target == "onnx":
        pytest.importorskip("onnx")
    rng = np.random.default_rng(8)
    files = sorted((CORPUS / target).iterdir())
    assert len(files) >= 7
    for file in files:
        data = file.read_bytes()
        run(target, data, tmp_path)
        for _ in range(_ROUNDS):
            run(target, changed(data, rng), tmp_path)
