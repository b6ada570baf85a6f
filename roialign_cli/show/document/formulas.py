"""Build formulas of typed parts, and render them as text, as LaTeX and for an HTML page.

A formula line is a tuple of parts. Numbers, names, words and fractions have types of their own;
plain strings are operators, brackets, small constants and single letters. `&` in a string marks
where lines are aligned; without it, lines are aligned at their first equals sign.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Literal

from roialign_cli.show.numbers import DECIMALS, NeighbourName, format_number

# What a text is about. Figures, the terminal and the page mark each role in the same colour.
Role = Literal["roi", "section", "point", "neighbour", "winner"] | NeighbourName


@dataclass(frozen=True)
class Number:
    """A number, and the symbol that it stands for in a rule.

    Parameters
    ----------
    value
        The number, not rounded.
    text
        The number as it is shown.
    symbol
        What `in_symbols` writes instead; empty for a constant.
    """

    value: float
    text: str
    symbol: FormulaLine = ()

    def __str__(self) -> str:
        return self.text

    def latex(self) -> str:
        """Return the number with an exponent as a power of ten."""
        if not math.isfinite(self.value):
            return self.text[:-3] + _upright(self.text[-3:])  # nan, inf or -inf
        mantissa, _, exponent = self.text.partition("e")
        return f"{mantissa}\\times 10^{{{int(exponent)}}}" if exponent else mantissa


@dataclass(frozen=True)
class _Literal:
    text: str

    def __str__(self) -> str:
        return self.text


class Name(_Literal):
    """A variable: one letter, which digits or an underscore and a word may follow."""

    def latex(self) -> str:
        """Return the letter with what follows as its subscript."""
        index = self.text[1:].removeprefix("_")
        subscript = _upright(index) if index.isalpha() else index
        return f"{self.text[0]}_{{{subscript}}}" if index else self.text


class Words(_Literal):
    """Words inside a formula, with the spaces around them."""

    def latex(self) -> str:
        """Return the words upright."""
        return _upright(_SPACES.sub(" ", self.text))


@dataclass(frozen=True)
class Fraction:
    """A quotient. Text has it on one line, `enclosed` in parentheses where it is a factor."""

    numerator: FormulaLine
    denominator: FormulaLine
    enclosed: bool = False

    def __str__(self) -> str:
        terms = (to_text(line) for line in (self.numerator, self.denominator))
        quotient = "/".join(f"({term})" if set(term) & {" ", "·"} else term for term in terms)
        return f"({quotient})" if self.enclosed else quotient

    def latex(self) -> str:
        """Return the quotient with its numerator above its denominator."""
        return f"\\frac{{{_latex_line(self.numerator)}}}{{{_latex_line(self.denominator)}}}"


@dataclass(frozen=True)
class Marked:
    """A part of a line that has a role; text and LaTeX do not show the role."""

    line: FormulaLine
    role: Role

    def __str__(self) -> str:
        return to_text(self.line)

    def latex(self) -> str:
        """Return the part without its role."""
        return _latex_line(self.line)


@dataclass(frozen=True)
class Space:
    """A space or a line break that text and LaTeX write differently; a page has one space."""

    text: str
    command: str

    def __str__(self) -> str:
        return self.text

    def latex(self) -> str:
        """Return the LaTeX command."""
        return self.command


QUAD = Space("  ", r" \quad ")
LATEX_BREAK = Space("", "\n")  # LaTeX does not break a long formula by itself


def text_break(indent: int) -> Space:
    """Return a line break in text only; the next line is indented by `indent` characters."""
    return Space("\n" + " " * indent, " ")


Part = str | Number | Name | Words | Fraction | Marked | Space
FormulaLine = tuple[Part, ...]


def number(value: float, decimals: int = DECIMALS, symbol: FormulaLine = ()) -> Number:
    """Return a number shown with up to `decimals` decimals."""
    return Number(value, format_number(value, decimals), symbol)


def variable(name: str, value: float, decimals: int = DECIMALS) -> Number:
    """Return the value of a variable, a number with the variable's name as its symbol."""
    return number(value, decimals, (Name(name),))


def formula(template: str, *parts: Part | FormulaLine) -> FormulaLine:
    """Return a line from a template in which `{}` stands for parts, and words are in `<>`.

    Examples
    --------
    >>> to_text(formula("x = {} / {}; <words >{}", number(9), (number(2), " + 1"), number(3)))
    'x = 9 / 2 + 1; words 3'
    """
    line: list[Part] = []
    for strings, part in zip(_parsed(template), (*parts, ()), strict=True):
        line.extend(strings)
        line.extend(part if isinstance(part, tuple) else (part,))
    return tuple(line)


@cache
def _parsed(template: str) -> list[list[str | Words]]:
    """Return the strings and words of a template around each `{}`."""
    pieces = (enumerate(re.split("[<>]", text)) for text in template.split("{}"))
    return [[Words(piece) if k % 2 else piece for k, piece in row if piece] for row in pieces]


def in_symbols(line: FormulaLine) -> FormulaLine:
    """Return a line with every number replaced by its symbol, if the number has one.

    Examples
    --------
    >>> n = variable("n", 1.0)
    >>> line = formula("x = {}", number(n.value - 0.5, symbol=formula("({} − 0.5)", n)))
    >>> to_text(line), to_text(in_symbols(line))
    ('x = 0.5', 'x = (n − 0.5)')
    """
    return tuple(_in_symbols(line))


def _in_symbols(line: FormulaLine) -> Iterator[Part]:
    for part in line:
        match part:
            case Number(symbol=symbol) if symbol:
                yield from _in_symbols(symbol)
            case Fraction(numerator, denominator, enclosed):
                yield Fraction(in_symbols(numerator), in_symbols(denominator), enclosed)
            case Marked(marked, role):
                yield Marked(in_symbols(marked), role)
            case Space():  # symbols are short enough for one line
                yield " "
            case _:
                yield part


def joined(terms: Iterable[Part | FormulaLine], separator: str) -> FormulaLine:
    """Return terms with `separator` between them, and breaks for LaTeX after every few terms."""
    line: list[Part] = []
    # A line begins with an operator, but does not begin with a comma.
    broken = "{}" + separator if separator.startswith(" ") else separator + "{}"
    for position, term in enumerate(terms):
        if position:
            line.extend(formula(broken, () if position % MAX_LATEX_TERMS else LATEX_BREAK))
        line.extend(formula("{}", term))
    return tuple(line)


MAX_LATEX_TERMS = 8  # on one line


def to_text(line: FormulaLine) -> str:
    """Return a line as text.

    Examples
    --------
    >>> width = Fraction((Name("w"),), (Name("k"), "·", Name("g")), enclosed=True)
    >>> to_text(formula("x = {}·({} − 0.5)", width, Name("n")))
    'x = (w/(k·g))·(n − 0.5)'
    """
    return "".join(map(str, line)).replace("&", "")


def to_latex(lines: Iterable[FormulaLine]) -> str:
    r"""Return lines as one aligned LaTeX formula.

    Examples
    --------
    >>> width = Fraction((Name("w"),), (Name("k"), "·", Name("g")))
    >>> print(to_latex([(Name("x1"), " = ", width), ("  = max(1, ", number(-2e-5), ")")]))
    \begin{aligned} x_{1} &= \frac{w}{k\cdot g} \\[4pt]
    &= \max(1, -2\times 10^{-5}) \end{aligned}
    """
    rows = " \\\\[4pt]\n".join(map(_latex_row, lines))
    return f"\\begin{{aligned}} {rows} \\end{{aligned}}"


def _latex_row(line: FormulaLine) -> str:
    row = _latex_line(line).strip()
    if "&" not in row:
        row = row.replace("=", "&=", 1) if "=" in row else f"&\\quad {row}"
    first, *others = row.replace(" }&", "}&").split(LATEX_BREAK.command)
    return " \\\\\n".join([first, *(f"&\\quad {other.strip()}" for other in others)])


def _latex_line(line: FormulaLine) -> str:
    parts = _signs_enclosed(line)
    return "".join(_latex_operators(p) if isinstance(p, str) else p.latex() for p in parts)


def _latex_operators(text: str) -> str:
    text = _SPACES.sub(" ", text)
    for operator, command in _LATEX_OPERATORS.items():
        text = text.replace(operator, command)
    return text


def _upright(words: str) -> str:
    return f"\\text{{{words}}}"


_SPACES = re.compile(" {2,}")
_LATEX_OPERATORS = {
    "max(": r"\max(",
    "min(": r"\min(",
    "ceil(": r"\mathrm{ceil}(",
    "floor(": r"\mathrm{floor}(",
    "[ ": r"\left[ ",
    " ]": r" \right]",
    "·": r"\cdot ",
    "×": r"\times ",
    "²": "^{2}",
    "...": r"\dots",
    "≤": r"\le ",
    "≥": r"\ge ",
    "<": r"\lt ",
    ">": r"\gt ",
    "→": r"\to ",
    "−": "-",
}


PagePart = str | tuple[str, str] | dict[str, str]


def to_page(line: FormulaLine) -> list[PagePart]:
    r"""Return a line for a page.

    The parts are strings, fractions as (numerator, denominator), and marked texts as a dictionary
    with the keys "role" and "text".

    An invisible character keeps the factors of a product on one line.

    Examples
    --------
    >>> to_page((Fraction((Name("w"),), (Name("k"),)), "·", number(-0.5), " = ", number(2)))
    [('w', 'k'), '\u2060·\u2060(-0.5) = 2']
    """
    parts: list[PagePart] = []
    for part in _signs_enclosed(line):
        if isinstance(part, Fraction):
            parts.append((_page_text(part.numerator), _page_text(part.denominator)))
            continue
        if isinstance(part, Marked):
            parts.append({"role": part.role, "text": _page_text(part.line)})
            continue
        text = " " if isinstance(part, Space) else str(part).replace("&", "")
        text = text.replace("·", "\u2060·\u2060").replace("\u2060 ", " ")
        if parts and isinstance(parts[-1], str):
            parts[-1] += text
        else:
            parts.append(text)
    return parts


def _page_text(line: FormulaLine) -> str:
    return "".join(map(str, to_page(line)))


def _signs_enclosed(line: FormulaLine) -> Iterator[Part]:
    """Yield the parts of a line with parentheses around negative numbers after an operator."""
    before: Part = ""
    for part in line:
        first = part.line[0] if isinstance(part, Marked) else part
        negative = isinstance(first, Number) and first.text.startswith("-") and first.text != "-inf"
        if negative and str(before).rstrip().endswith(("−", "+", "·", "/")):
            yield from ("(", part, ")")
        else:
            yield part
        before = part
