"""Explanations as Markdown: what a code host's parser makes of them."""

from __future__ import annotations

import pytest
from markdown_it import MarkdownIt

from roialign_cli.show.document.blocks import Block, Formulas, Grid, Heading, Output, Paragraph
from roialign_cli.show.document.explanation import Explanation
from roialign_cli.show.document.formulas import (
    FormulaLine,
    Fraction,
    Name,
    joined,
    number,
    text_break,
    to_latex,
    to_text,
)
from roialign_cli.show.document.markdown import to_markdown
from tests.figure_cases import CASES


def explained(name: str) -> list[Block]:
    return list(Explanation(CASES[name].trace, "a|b <c>", (1, 1)).blocks())


@pytest.mark.parametrize("name", ["walkthrough", "over the corner, max", "outside", "no area"])
def test_a_parser_finds_every_block(name: str) -> None:
    blocks = explained(name)
    tokens = MarkdownIt("commonmark").enable("table").parse(to_markdown(blocks))
    kinds = [
        token.type for token in tokens if token.level == 0 and not token.type.endswith("close")
    ]
    expected = {
        Heading: "heading_open",
        Paragraph: "paragraph_open",
        Formulas: "fence",
        Grid: "table_open",
        Output: "table_open",
    }
    assert kinds == [expected[type(block)] for block in blocks]
    assert {token.info for token in tokens if token.type == "fence"} == {"math"}


def test_a_cell_with_a_bar_stays_one_cell() -> None:
    table = Grid(("ROI", "label"), (("0", "a|b"),))
    tokens = MarkdownIt("commonmark").enable("table").parse(to_markdown([table]))
    assert sum(token.type == "td_open" for token in tokens) == 2


def latex_rows(line: FormulaLine) -> list[str]:
    """Return the rows of a line in LaTeX, without what surrounds them."""
    begin, end = r"\begin{aligned} ", r" \end{aligned}"
    return to_latex([line]).removeprefix(begin).removesuffix(end).splitlines()


def test_the_same_line_as_text_and_as_latex() -> None:
    y, y1, y2 = (Name(name) for name in ("y", "y1", "y2"))
    share = Fraction((y, " − ", y1), (y2, " − ", y1))
    products: FormulaLine = (share, "·", number(-0.2), text_break(2), "+ ", number(3e-5))
    line = ("P = ", share, " · [ ", *products, " ]")
    assert to_text(line) == "P = (y − y1)/(y2 − y1) · [ (y − y1)/(y2 − y1)·-0.2\n  + 3e-05 ]"
    fraction = r"\frac{y - y_{1}}{y_{2} - y_{1}}"
    assert latex_rows(line) == [
        rf"P &= {fraction} \cdot  \left[ {fraction}\cdot (-0.2) + 3\times 10^{{-5}} \right]"
    ]


def test_brackets_around_a_value_that_is_not_a_number_close() -> None:
    nan, inf = number(float("nan")), number(float("-inf"))
    line = ("P = ", number(0.5), " · [ 1·", nan, " + ", number(0.5), "·", inf, " ]")
    rows = latex_rows(line)
    assert rows == [r"P &= 0.5 \cdot  \left[ 1\cdot \text{nan} + 0.5\cdot -\text{inf} \right]"]


def test_long_reductions_are_broken_on_a_page_only() -> None:
    line = ("&max(", *joined(map(number, range(20)), ", "), ") = 19")
    assert "\n" not in to_text(line)
    rows = latex_rows(line)
    assert [row.count(",") for row in rows] == [8, 8, 3]
    assert all(row.startswith("&") for row in rows)


def test_a_long_sum_goes_on_with_its_sign() -> None:
    total = joined([number(1)] * 8 + [number(-2)], " + ")
    rows = latex_rows(("&(", *total, ") / 9"))
    assert rows[1] == r"&\quad + (-2)) / 9"
