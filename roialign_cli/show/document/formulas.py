"""Formulas with their numbers put in, written as text, as LaTeX and for a page of HTML.

A line is made of strings and of what a page sets otherwise than a terminal does. In its strings
`&` is where lines are aligned, the first equals sign if there is none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Fraction:
    """A quotient; text has it on one line, `enclosed` in parentheses where it is a factor."""

    numerator: str
    denominator: str
    enclosed: bool = False

    def __str__(self) -> str:
        quotient = f"{_grouped(self.numerator)}/{_grouped(self.denominator)}"
        return f"({quotient})" if self.enclosed else quotient


def _grouped(term: str) -> str:
    return f"({term})" if set(term) & {" ", "·"} else term


@dataclass(frozen=True)
class TextBreak:
    """Where text, which is narrow, goes on in a new line, so many characters in."""

    indent: int

    def __str__(self) -> str:
        return "\n" + " " * self.indent


@dataclass(frozen=True)
class LatexBreak:
    """Where LaTeX, which does not break a formula by itself, goes on in a new line."""

    def __str__(self) -> str:
        return ""


Part = str | Fraction | TextBreak | LatexBreak
Line = tuple[Part, ...]


def joined(terms: Iterable[str], separator: str) -> Line:
    """Return terms with something between, and places to break them."""
    leads = separator.startswith(" ")  # an operator begins a line, a comma ends one
    parts: list[Part] = []
    for position, term in enumerate(terms):
        before = separator if position else ""
        broken = [LatexBreak()] if position and position % _TERMS == 0 else []
        parts += [*broken, f"{before}{term}"] if leads else [before, *broken, term]
    return tuple(parts)


_TERMS = 8  # on a line of LaTeX


def to_text(line: Line) -> str:
    """Return a line as text.

    Examples
    --------
    >>> to_text(("x = ", Fraction("w", "k·g", enclosed=True), "·(n − 0.5)"))
    'x = (w/(k·g))·(n − 0.5)'
    """
    return "".join(map(str, line)).replace("&", "")


def to_latex(lines: Iterable[Line]) -> str:
    r"""Return lines as one aligned LaTeX formula.

    Examples
    --------
    >>> print(to_latex([("x1 = ", Fraction("w", "k·g"), "·(n − 0.5)"), ("  = max(1, 2)",)]))
    \begin{aligned}
    x_{1} &= \frac{w}{k\cdot g}\cdot (n - 0.5) \\[4pt]
    &= \max(1, 2)
    \end{aligned}
    """
    rows = " \\\\[4pt]\n".join(_row(line) for line in lines)
    return f"\\begin{{aligned}}\n{rows}\n\\end{{aligned}}"


def _row(line: Line) -> str:
    row = "".join(_latex(part) for part in line).strip()
    if "&" not in row:
        row = row.replace("=", "&=", 1) if "=" in row else f"&\\quad {row}"
    first, *others = row.replace(" }&", "}&").split(_BROKEN)
    return " \\\\\n".join([first, *(f"&\\quad {other.strip()}" for other in others)])


_BROKEN = "\n"


def _latex(part: Part) -> str:
    match part:
        case Fraction(numerator, denominator):
            return f"\\frac{{{_written(numerator)}}}{{{_written(denominator)}}}"
        case TextBreak():
            return " "
        case LatexBreak():
            return _BROKEN
        case _:
            return _written(part)


def on_a_page(text: str) -> str:
    """Return a string of a line as a page has it: unaligned, no sign right after another.

    Factors are held together by a character that is not seen.

    Examples
    --------
    >>> on_a_page("&max(-1, 2)·-0.5")
    'max(-1, 2)\u2060·\u2060(-0.5)'
    """
    signed = _SIGN_AFTER_SIGN.sub(r"\1(\2)", text.replace("&", ""))
    return signed.replace("·", "\N{WORD JOINER}·\N{WORD JOINER}").replace("\N{WORD JOINER} ", " ")


_SIGN_AFTER_SIGN = re.compile(r"([−+·/] ?)(-[\d.]+(?:e[-+]?\d+)?)")


def _written(text: str) -> str:
    text = _SIGN_AFTER_SIGN.sub(r"\1(\2)", text)
    for pattern, replacement in _LATEX:
        text = pattern.sub(replacement, text)
    return text


def _power(match: re.Match[str]) -> str:
    return f"×10^{{{int(match[1])}}}"


def _words(match: re.Match[str]) -> str:
    return f"\\text{{{match[0]}}}"


# What text writes → how LaTeX writes it, in this order.
_LATEX: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    (re.compile(r"(?<=\d)e([-+]?\d+)"), _power),
    (re.compile(r"\b(?:nan|inf)\b"), _words),
    (re.compile(r"\) {2,}"), r") \\quad "),
    (re.compile(r" {2,}"), " "),
    (re.compile(r"\b(ceil|floor)\("), r"\\mathrm{\1}("),
    (re.compile(r"\b(max|min)\("), r"\\\1("),
    (re.compile(r"(?<![\\{_]) ?\b[A-Za-z]{2,}\b(?: (?:a|[A-Za-z]{2,})\b)* ?"), _words),
    (re.compile(r"\b([A-Za-z])_([a-z]+)"), r"\1_{\\text{\2}}"),
    (re.compile(r"\b([A-Za-z])(\d+)"), r"\1_{\2}"),
    (re.compile(r"\[ "), r"\\left[ "),
    (re.compile(r" \]"), r" \\right]"),
    (re.compile("·"), r"\\cdot "),
    (re.compile("×"), r"\\times "),
    (re.compile("→"), r"\\to "),
    (re.compile("−"), "-"),
)
