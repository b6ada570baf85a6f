"""The parts of a document, rendered alike as text, Markdown and HTML."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from roialign_cli.core.boxes import Float
from roialign_cli.show.document.formulas import FormulaLine
from roialign_cli.show.numbers import format_column


@dataclass(frozen=True)
class Heading:
    """A title; level 1 is the document's."""

    level: int
    text: str


@dataclass(frozen=True)
class Paragraph:
    """Running text."""

    text: str


@dataclass(frozen=True)
class Formulas:
    """Formulas with their numbers put in, aligned with each other."""

    lines: tuple[FormulaLine, ...]


@dataclass(frozen=True)
class Verbatim:
    """Lines of characters, each in its place."""

    lines: tuple[str, ...]


@dataclass(frozen=True)
class Grid:
    """A table; every row has as many cells as there are headers.

    The first column is text; the others are numbers, or text as well if `prose`.
    """

    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    prose: bool = False


@dataclass(frozen=True)
class Output:
    """An output (T, K), section (1, 1) first."""

    values: Float


Block = Heading | Paragraph | Formulas | Verbatim | Grid | Output


def output_grid(values: Float) -> Grid:
    """Return an output (T, K) as a table."""
    texts = np.reshape(format_column(values.ravel().tolist()), values.shape).tolist()
    headers = ("", *(f"i = {i + 1}" for i in range(values.shape[1])))
    return Grid(headers, tuple((f"j = {j + 1}", *row) for j, row in enumerate(texts)))
