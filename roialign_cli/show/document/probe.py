"""The rules that a kernel follows: a table, what else was seen, the verdict and the cases."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from roialign_cli.core.presets import PRESETS
from roialign_cli.measure.fingerprint import Fingerprint, by_weight
from roialign_cli.measure.reading import USUAL_AXES, usual_order
from roialign_cli.measure.rules import AXES
from roialign_cli.printable import printable
from roialign_cli.show.document.blocks import Block, Grid, Heading, Paragraph
from roialign_cli.show.document.probe_case import case_blocks
from roialign_cli.show.document.terminal import blocks_text
from roialign_cli.show.numbers import capitalised, format_count

_MAX_CASES = 2  # that are explained
_MAX_NAMED_PRESETS = 3
_MAX_EQUAL_PRESETS = 20  # more are equal only if few rules could be measured
# Longest names of presets, in characters, with which the table fits into 80 columns
_MAX_HEADER = 20
_MAX_NAME = 12
_MAX_NAMED_CALLS = 3
_AMBIGUOUS = "†"


def probe_blocks(found: Fingerprint) -> Iterator[Block]:
    """Yield the result of a measurement: the verdict and the smallest cases come last."""
    yield Paragraph(printable(f"{found.name}: measured with {_calls(found.calls)}"))
    if found.matched:
        begin = "Parameters: " if "features" in found.matched else ""
        yield Paragraph(printable(capitalised(f"{begin}{_parameters(found.matched)}")))
    if found.problem:
        yield Heading(2, printable(found.problem))
        return
    yield from _shared_rules(found)
    yield from (Paragraph(printable(f"! {text}")) for text in _remarks(found))
    yield from _unknown_rules(found)
    yield from _different_rules(found)
    yield Heading(2, printable(found.verdict))
    yield from _other_presets(found)
    yield from _other_axes(found)
    yield from _cases(found)


def _parameters(matched: Mapping[str, str]) -> str:
    """Return which parameter gets which input; one name where both are the same."""
    order = "features", "boxes"
    names = sorted(matched, key=lambda what: order.index(what) if what in order else len(order))
    return "; ".join(
        matched[what]
        if matched[what].partition(",")[0].replace("_", " ") == what
        else f"{what}: {matched[what]}"
        for what in names
    )


def fingerprint_text(found: Fingerprint) -> str:
    """Return the result of a measurement as text."""
    return blocks_text(probe_blocks(found)).rstrip("\n")


def _calls(count: int) -> str:
    return format_count(count, "call", "calls")


def _shared_rules(found: Fingerprint) -> Iterator[Block]:
    """Yield the rules that the kernel shares with the nearest preset."""
    known = [each for each in found.measurements if each.certainty in _TEXTS]
    different = {each.rule for each in found.differs}
    rows = [
        (each.rule, printable(_TEXTS[each.certainty].format(each.text)), _share(found, each.rule))
        for each in known
        if each.rule not in different
    ]
    if rows:
        yield Heading(2, f"Rules shared with {found.nearest}, and how many presets have them")
        yield Grid(("rule", "measured", "presets"), tuple(rows), prose=True)
    if any(_AMBIGUOUS in text for _, text, _ in rows):
        reason = "The calls cannot distinguish this rule from another one: the outputs are the same"
        yield Paragraph(f"{_AMBIGUOUS} {reason}.")


# Certainty of a measured rule → how the table states it
_TEXTS = {"measured": "{}", "no effect seen": f"{{}}{_AMBIGUOUS}"}


def _unknown_rules(found: Fingerprint) -> Iterator[Block]:
    """Yield the rules that could not be measured, those with the same reason together."""
    reasons: dict[str, list[str]] = {}
    for each in found.unknown:
        reasons.setdefault(each.text, []).append(each.rule)
    if reasons:
        yield Heading(2, "Rules that could not be measured")
    for reason, rules in reasons.items():
        yield Paragraph(printable(f"{', '.join(rules)}: {reason}"), indent=2)


def _different_rules(found: Fingerprint) -> Iterator[Block]:
    """Yield the rules in which the kernel differs from the nearest preset."""
    rows = tuple(
        (each.rule, printable(each.measured), each.expected, _named(found.agreeing[each.rule]))
        for each in by_weight(found.differs)
    )
    if rows:
        yield Heading(2, "Rules that differ")
        nearest = found.nearest or ""
        header = nearest if len(nearest) <= _MAX_HEADER else "the preset"
        yield Grid(("rule", "the kernel", header, "also in"), rows, prose=True)


def _share(found: Fingerprint, rule: str) -> str:
    """Return how many presets agree in a rule."""
    count = len(found.agreeing[rule])
    return "all" if count == len(PRESETS) else f"{count} of {len(PRESETS)}"


def _named(presets: Sequence[str]) -> str:
    """Return presets by name if they are few, and the names are short."""
    if len(presets) > _MAX_NAMED_PRESETS or max(map(len, presets), default=0) > _MAX_NAME:
        return format_count(len(presets), "preset", "presets")
    return ", ".join(presets) or "no preset"


def _remarks(found: Fingerprint) -> Iterator[str]:
    """Yield what else was seen, and for which calls there is no output."""
    yield from (f"{capitalised(text)}." for text in found.remarks)
    for problem, names in found.failures.items():
        listed = "; ".join(names[:_MAX_NAMED_CALLS])
        more = f"; {len(names) - _MAX_NAMED_CALLS} more" * (len(names) > _MAX_NAMED_CALLS)
        yield f"No output for {_calls(len(names))} ({listed}{more}): {problem}"


def _other_presets(found: Fingerprint) -> Iterator[Block]:
    others = [name for name in found.equal if name != found.nearest]
    if len(others) > _MAX_EQUAL_PRESETS:
        yield Paragraph(f"They also agree with {len(others)} other presets.", indent=2)
    elif others:
        words = "They also agree with" if found.is_partial else "Other presets that it equals"
        yield Paragraph(f"{words}: {', '.join(others)}.", indent=2)


def _other_axes(found: Fingerprint) -> Iterator[Block]:
    """Yield how to reorder the axes of an output that differs from presets by its layout only."""
    order = usual_order(found.output_axes)
    if any(each.rule == AXES and each.case is None for each in found.differs) and order:
        yield Paragraph(f"output.transpose{order} has the axes {', '.join(USUAL_AXES)}.", indent=2)


def _cases(found: Fingerprint) -> Iterator[Block]:
    """Yield the smallest cases of the first rules that differ, and where the others are."""
    cases = [(each.rule, each.case) for each in by_weight(found.differs) if each.case]
    for rule, case in cases[:_MAX_CASES]:
        yield Heading(3, f"{capitalised(rule)}: the smallest case")
        yield from case_blocks(found, case)
    if rest := [rule for rule, _ in cases[_MAX_CASES:]]:
        yield Paragraph("")
        yield Paragraph(f"More smallest cases are in the JSON output: {', '.join(rest)}.")
