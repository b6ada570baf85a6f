"""The rules that a kernel follows: a table, what else was seen, the verdict and the cases."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from roialign_cli.core.presets import PRESETS
from roialign_cli.measure.fingerprint import Fingerprint, Measurement
from roialign_cli.printable import printable
from roialign_cli.show.document.answer import capitalised
from roialign_cli.show.document.blocks import Block, Grid, Heading, Paragraph
from roialign_cli.show.document.probe_case import case_blocks
from roialign_cli.show.document.terminal import blocks_text
from roialign_cli.show.numbers import format_count

_MAX_CASES = 3  # that are explained
_MAX_NAMED_PRESETS = 2
_MAX_NAMED_CALLS = 3
_AMBIGUOUS = " *"


def probe_blocks(found: Fingerprint) -> Iterator[Block]:
    """Yield the result of a measurement."""
    yield Paragraph(printable(f"{found.name}: measured with {_calls(found.calls)}"))
    if found.matched:
        yield Paragraph(printable(f"Parameters: {_parameters(found.matched)}"))
    if found.problem:
        yield Heading(2, printable(found.problem))
        return
    yield from _tables(found)
    if any(each.certainty == "no effect seen" for each in found.measurements):
        yield Paragraph("* Other values of this rule give the same answers.")
    yield from (Paragraph(printable(f"! {text}")) for text in _remarks(found))
    yield Heading(2, printable(found.verdict))
    yield from _verdict_details(found)


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


def _tables(found: Fingerprint) -> Iterator[Block]:
    """Yield a table of the rules that the nearest preset follows, too, and one of the others."""
    nearest, different = found.nearest or "", {each.rule: each for each in found.differs}
    alike, others = [], []
    for measured in found.measurements:
        presets = _presets(found.agreeing.get(measured.rule, ()))
        cells = measured.rule, printable(_measured(measured))
        if measured.rule in different:
            others.append((*cells, different[measured.rule].expected, presets))
        else:
            alike.append((*cells, presets))
    if alike:
        yield Paragraph("")
        yield Paragraph(f"Rules of {nearest}, and how many presets have them:")
        yield Grid(("rule", "measured", "presets"), tuple(alike), prose=True)
    if others:
        yield Paragraph(f"Rules that differ from those of {nearest}:")
        yield Grid(("rule", "measured", "expected", "presets"), tuple(others), prose=True)


def _measured(measured: Measurement) -> str:
    if measured.certainty == "not measurable":
        return f"not measurable: {measured.text}"
    return measured.text + (_AMBIGUOUS if measured.certainty == "no effect seen" else "")


def _presets(names: Sequence[str]) -> str:
    """Return which presets agree in a rule."""
    if len(names) == len(PRESETS):
        return "all"
    if len(names) > _MAX_NAMED_PRESETS:
        return f"{len(names)} of {len(PRESETS)}"
    return ", ".join(names) or "none"


def _remarks(found: Fingerprint) -> Iterator[str]:
    """Yield what else was seen, and for which calls there is no output."""
    yield from (f"{capitalised(text)}." for text in found.remarks)
    for problem, names in found.failures.items():
        listed = "; ".join(names[:_MAX_NAMED_CALLS])
        more = f"; {len(names) - _MAX_NAMED_CALLS} more" * (len(names) > _MAX_NAMED_CALLS)
        yield f"No output for {_calls(len(names))} ({listed}{more}): {problem}"


def _verdict_details(found: Fingerprint) -> Iterator[Block]:
    """Yield the presets with the same rules, and a case for each different rule."""
    others = [name for name in found.equal if name != found.nearest]
    if others:
        yield Paragraph(f"Other presets that it equals: {', '.join(others)}.", indent=2)
    for number, difference in enumerate(sorted(found.differs, key=lambda one: one.is_minor)):
        title = capitalised(difference.rule)
        if difference.case is None:
            yield Heading(3, f"{title}: no small case shows the difference")
        elif number >= _MAX_CASES:
            yield Heading(3, f"{title}: --format json has the smallest case")
        else:
            yield Heading(3, f"{title}: the smallest case")
            yield from case_blocks(found, difference.case)
