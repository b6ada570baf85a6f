"""Define the blocks of a document, which are rendered as text, Markdown and HTML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from roialign_cli.core.boxes import Float
from roialign_cli.printable import printable
from roialign_cli.show.document.formulas import FormulaLine, Role
from roialign_cli.show.numbers import format_grid


@dataclass(frozen=True)
class Heading:
    """A title; level 1 is the title of the document."""

    level: int
    text: str
    role: Role | None = None


@dataclass(frozen=True)
class Paragraph:
    """Running text, indented by some columns in the terminal."""

    text: str
    indent: int = 0


@dataclass(frozen=True)
class Formulas:
    """Formula lines, aligned at their equals signs."""

    lines: tuple[FormulaLine, ...]


@dataclass(frozen=True)
class Verbatim:
    """Lines of text that keep their spaces, such as a drawing.

    Parameters
    ----------
    lines
        The lines.
    to_copy
        Whether the lines are commands to copy, which are never wrapped.
    roles
        The roles of the characters that have one.
    """

    lines: tuple[str, ...]
    to_copy: bool = False
    roles: Mapping[str, Role] = field(default_factory=dict)


@dataclass(frozen=True)
class Grid:
    """A table.

    Parameters
    ----------
    headers
        The titles of the columns.
    rows
        The cells, as many in each row as there are headers. The first column is text.
    prose
        Whether the other columns are text, too, and not numbers.
    compact
        Whether the terminal shows the table without empty lines around it.
    row_roles
        The roles of the rows, which mark their first cells; empty without roles.
    """

    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    prose: bool = False
    compact: bool = False
    row_roles: tuple[Role, ...] = ()


@dataclass(frozen=True)
class Output:
    """A pooled output of shape (rows, columns); section (1, 1) is first."""

    values: Float


Block = Heading | Paragraph | Formulas | Verbatim | Grid | Output


def indented(text: str) -> Paragraph:
    """Return a paragraph of printable text below a heading."""
    return Paragraph(printable(text), indent=2)


def output_grid(values: Float) -> Grid:
    """Return an output of shape (rows, columns) as a table."""
    headers = ("", *(f"i = {i + 1}" for i in range(values.shape[1])))
    return Grid(headers, tuple((f"j = {j + 1}", *row) for j, row in enumerate(format_grid(values))))
