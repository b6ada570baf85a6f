"""Every step, rule and number of the document has its line in docs/walkthrough.md, in its order."""

from __future__ import annotations

import re

import pytest

from docs.generate import DOCS

TEXT = (DOCS / "walkthrough.md").read_text(encoding="utf-8")
LINES = [line.strip() for line in TEXT.splitlines()]
POINT = r"\text{point }"
SO = r"\text{ so }"
AND = r"\text{ and }"

# What the document says, in our words → the line that covers it, or the part of it that does.
ITEMS = {
    "ROI Align avoids the quantisation of ROI Pooling": "ROI Align does not round the edges",
    "step 1 of its process: divide the ROI into sections": "| 2 sections | cut it into 3 × 3",
    "step 2: the coordinates of the points": "| 3 points | place the sample points | 2 × 2",
    "step 3: the value at each point": "| 4 values | interpolate at each point | section (1, 1): 0",
    "step 4: the max is the output": "the largest of 4 points = 0.5132 |",
    "the four steps are ours from 2 to 5": "Steps 2 to 5 are the four steps of the worked example",
    "origin at the bottom left, x right, y up": "origin at the bottom left, x to the right, y up",
    "k × t sections": "| k, t | number of sections along x and along y | 3, 3 |",
    "section (i, j)": "| i, j | section: i-th from left, j-th from the top |",
    "point (n, m)": "| n, m | point: n-th from left, m-th from the top |",
    "the top-left corner [x_box, y_box]": "(worked example: x_box, y_box) | (9.25, 10) |",
    "width w and height h": "| w, h | width and height of the ROI, in cells | 6.25, 4.53125 |",
    "image 512 × 512, map 16 × 16": "The image is 512 × 512 pixels (--image-size) and the feature "
    "map 16 × 16 cells",
    "sub-sampling ratio 512/16 = 32": r"\text{sub-sampling ratio}&= 512 / 16 = 32",
    "top-left corner of the box, x": r"\text{left}&= 296 / 32 = 9.25",
    "top-left corner of the box, y": r"\text{top}&= 320 / 32 = 10",
    "width on the map 200/32": r"\text{width}&= 200 / 32 = 6.25",
    "height on the map 145/32": r"\text{height}&= 145 / 32 = 4.53125",
    "the bottom-right corner": "to its bottom-right corner (15.5, 5.46875)",
    "width of a section 2.08": r"\text{width of a section}&= w / k = 6.25 / 3 = 2.0833",
    "height of a section 1.51": r"\text{height of a section}&= h / t = 4.53125 / 3 = 1.5104",
    "each section is divided again": "Each section is divided again into k × t = 3 × 3 equal parts",
    "formula of x": r"x &= x_{\text{roi}} + \frac{w}{k}\cdot (i - 1) + \frac{w}{k^{2}}\cdot n",
    "formula of y": r"y &= y_{\text{roi}} - \frac{h}{t}\cdot (j - 1) - \frac{h}{t^{2}}\cdot m",
    "x of (1, 1)(1, 1) = 9.94": rf"{POINT}(1, 1) \quad x &= 9.25 + \frac{{6.25}}{{3}}\cdot (1 - 1)"
    r" + \frac{6.25}{9}\cdot 1 = 9.9444 \to  9.94",
    "y of (1, 1)(1, 1) = 9.5": r"\frac{4.53125}{9}\cdot 1 = 9.4965 \to  9.5",
    "x of (1, 1)(2, 1) = 10.63, a slip": rf"{POINT}(2, 1) \quad x &= 9.25 + \frac{{6.25}}{{3}}\cdot"
    r" (1 - 1) + \frac{6.25}{9}\cdot 2 = 10.6389 \to  10.64",
    "y of (1, 1)(1, 2) = 8.99": r"\frac{4.53125}{9}\cdot 2 = 8.9931 \to  8.99",
    "x of (1, 1)(2, 2)": rf"{POINT}(2, 2) \quad x &= 9.25 + \frac{{6.25}}{{3}}\cdot (1 - 1)",
    "the neighbour cells, f above 0.5": r"\text{if }f \gt  0.5\text{: }x_{1} &= \mathrm{floor}(x) +"
    rf" 0.5{AND}x_{{2}} = \mathrm{{floor}}(x) + 1.5",
    "the neighbour cells, f up to 0.5": r"\text{if }f \le  0.5\text{: }x_{1} &= \mathrm{floor}(x) -"
    rf" 0.5{AND}x_{{2}} = \mathrm{{floor}}(x) + 0.5",
    "an integer n plus a fraction f": r"x &= \mathrm{floor}(x) + f",
    "y is found in the same way": "The same holds for y.",
    "bilinear interpolation, upper row": r"P &= \frac{y - y_{1}}{y_{2} - y_{1}} \cdot  \left[ \frac"
    r"{x_{2} - x}{x_{2} - x_{1}}\cdot Q_{11} + \frac{x - x_{1}}{x_{2} - x_{1}}\cdot Q_{21}",
    "bilinear interpolation, lower row": r"+ \frac{y_{2} - y}{y_{2} - y_{1}} \cdot  \left[ \frac"
    r"{x_{2} - x}{x_{2} - x_{1}}\cdot Q_{12} + \frac{x - x_{1}}{x_{2} - x_{1}}\cdot Q_{22}",
    "Q11 and Q21 are the upper row": "| Q11, Q21 | cells at (x1, y2) and (x2, y2), the upper row |",
    "Q12 and Q22 are the lower row": "| Q12, Q22 | cells at (x1, y1) and (x2, y1), the lower row |",
    "point [9.94, 9.5]": "##### Section (1, 1), point (1, 1) at (9.94, 9.5)",
    "x1 and x2 of [9.94, 9.5]": rf"x &= 9.94 = 9 + 0.94; 0.94 \gt  0.5,{SO}x_{{1}} = 9 + 0.5 = 9.5"
    rf"{AND}x_{{2}} = 9 + 1.5 = 10.5",
    "y1 and y2 of [9.94, 9.5]": rf"y &= 9.5 = 9 + 0.5; 0.5 \le  0.5,{SO}y_{{1}} = 9 - 0.5 = 8.5"
    rf"{AND}y_{{2}} = 9 + 0.5 = 9.5",
    "the list of [9.94, 9.5]": r"x_{1} &= 9.5, x_{2} = 10.5, y_{1} = 8.5, y_{2} = 9.5",
    "P at [9.94, 9.5], upper row": r"P &= \frac{9.5 - 8.5}{9.5 - 8.5} \cdot  \left[ \frac{10.5 - "
    r"9.94}{10.5 - 9.5}\cdot 0.1 + \frac{9.94 - 9.5}{10.5 - 9.5}\cdot 0.2 \right]",
    "P at [9.94, 9.5], lower row": r"+ \frac{9.5 - 9.5}{9.5 - 8.5} \cdot  \left[ \frac{10.5 - 9.94}"
    r"{10.5 - 9.5}\cdot 1 + \frac{9.94 - 9.5}{10.5 - 9.5}\cdot 0.7 \right]",
    "P at [9.94, 9.5] = 0.144": "&= 0.144",
    "point [10.63, 9.5]": "##### Section (1, 1), point (2, 1) at (10.64, 9.5)",
    "the list of [10.63, 9.5]": r"x_{1} &= 10.5, x_{2} = 11.5, y_{1} = 8.5, y_{2} = 9.5",
    "P at [10.63, 9.5] = 0.21": "&= 0.214",
    "point [9.94, 8.99]": "##### Section (1, 1), point (1, 2) at (9.94, 8.99)",
    "P at [9.94, 8.99] = 0.51": "&= 0.5132",
    "point [10.63, 8.99]": "##### Section (1, 1), point (2, 2) at (10.64, 8.99)",
    "P at [10.63, 8.99] = 0.43": "&= 0.4333",
    "the output 0.51": r"\text{section }(1, 1): &\max(0.144, 0.214, 0.5132, 0.4333) = 0.5132",
    "the picture of the output": "| j = 1 | 0.5132 |",
    "x of (2, 3)(2, 2) = 12.69, a slip": rf"{POINT}(2, 2) \quad x &= 9.25 + \frac{{6.25}}{{3}}\cdot"
    r" (2 - 1) + \frac{6.25}{9}\cdot 2 = 12.7222 \to  12.72",
    "y of (2, 3)(2, 2) = 5.97": r"y &= 10 - \frac{4.53125}{3}\cdot (3 - 1) - \frac{4.53125}{9}\cdot"
    r" 2 = 5.9722 \to  5.97",
    "point [12.69, 5.97]": "##### Section (2, 3), point (2, 2) at (12.72, 5.97)",
    "the list of [12.69, 5.97]": r"x_{1} &= 12.5, x_{2} = 13.5, y_{1} = 5.5, y_{2} = 6.5",
}
# What the document has wrong → the row of the table of slips.
SLIPS = {
    "the box's x, 396": "| 396 | 296. ",
    "10.63 instead of 10.64": "| 10.63 | 10.64, because",
    "12.69 instead of 12.72": "| 12.69 | 12.72, because",
    "two of four neighbours": "| two pairs, each written twice |",
    "0.21": "| 0.21 | 0.214, or 0.21 with two decimals",
}


@pytest.mark.parametrize("covered", [*ITEMS.values(), *SLIPS.values()], ids=[*ITEMS, *SLIPS])
def test_a_line_covers_it(covered: str) -> None:
    assert any(covered in line for line in LINES)


def test_the_points_come_in_the_order_of_the_document() -> None:
    points = re.findall(r"##### Section (\(.*?\)), point (\(.*?\)) at", TEXT)
    assert points == [
        ("(1, 1)", "(1, 1)"), ("(1, 1)", "(2, 1)"), ("(1, 1)", "(1, 2)"), ("(1, 1)", "(2, 2)"),
        ("(2, 3)", "(2, 2)"),
    ]  # fmt: skip
    positions, neighbours, value = (
        TEXT.index(part)
        for part in (r"9.9444 \to", r"x &= 9.94 = 9 + 0.94", r"P &= \frac{9.5 - 8.5}")
    )
    assert positions < neighbours < value


def test_the_five_steps_are_numbered_in_text_and_headings() -> None:
    rows = re.findall(r"^\| (\d) (\w+) \|", TEXT, re.MULTILINE)
    assert rows == [
        ("1", "box"),
        ("2", "sections"),
        ("3", "points"),
        ("4", "values"),
        ("5", "output"),
    ]
    headings = re.findall(r"^#### (\d)\. (.*)", TEXT, re.MULTILINE)
    assert [n for n, _ in headings] == ["1", "2", "3", "4", "5", "3", "4", "5"]
    for (number, heading), (_, name) in zip(headings, rows, strict=False):
        assert name.removesuffix("s") in heading, number
