"""The picture of the smallest case: what differs is its title, and both sides are explained."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from roialign_cli import probe, roi_align
from roialign_cli.cli.probe_plot import draw_case, figure_of
from roialign_cli.measure.case_traces import case_traces
from roialign_cli.measure.verdict import difference_words
from tests.figure_checks import check_texts, drawn_on, points_of, story, strings
from tests.mutant_kernels import ONE_RULE, Mutant

# Rule → what both sides have in the picture: the lines over the cells
LINES = {
    "adaptive grid": (
        "3 × 1 sample points, 1 of 3 outside the map output (1 + 1 + 0) / 3 = 0.6667",
        "2 × 1 sample points, 1 of 2 outside the map output (1 + 0) / 2 = 0.5",
    ),
    "box format": ("1 sample point output 1", "1 sample point, 1 of 1 outside the map output 0"),
    "divisor": ("2 × 2 sample points output (1 + 1 + 1 + 1) / 4 = 1", "output 4"),
    "refused boxes": (
        "no sample points output 0 (no points)",
        "no output, because it raised ZeroDivisionError: division by zero",
    ),
    "batch index": ("1 sample point output 11", "output 1"),
}
QUICK = {"adaptive grid", "refused boxes"}
RULES = dict.fromkeys(mutant.rules[0] for mutant in ONE_RULE)
FIRST = {rule: next(one for one in ONE_RULE if one.rules[0] == rule) for rule in RULES}


@pytest.mark.parametrize(
    "mutant",
    [
        pytest.param(one, id=rule, marks=() if rule in QUICK else pytest.mark.thorough)
        for rule, one in FIRST.items()
    ],
)
def test_both_sides_of_a_case_are_explained(mutant: Mutant) -> None:
    found = probe(mutant.kernel, preset=mutant.base)
    difference = next(each for each in found.differs if each.rule == mutant.rules[0])
    case = difference.case
    assert case is not None
    figure = figure_of(found, difference, case)
    assert figure is not None
    check_texts(figure)
    title = difference_words(found, difference)
    assert title[0].upper() + title[1:] in story(figure)
    assert {mutant.base, "the kernel"} <= {*strings(figure)}
    for line in LINES.get(mutant.rules[0], ()):
        assert line in story(figure)
    for axes, trace in zip(figure.axes, case_traces(found, case), strict=False):
        section = case.section[1] + 1, case.section[0] + 1
        expected = set() if trace is None else points_of(trace, [trace.section(*section)])
        assert drawn_on(axes) == expected


def test_a_rule_without_a_case_is_not_drawn(capfd: pytest.CaptureFixture[str]) -> None:
    pool = partial(roi_align, convention="torchvision")
    found = probe(lambda *a, **k: pool(*a, **k).transpose(0, 2, 3, 1))  # channels last
    draw_case(found, Path("axes.png"), force=False)
    assert capfd.readouterr().err == "axes.png is not written: no case shows a difference\n"
