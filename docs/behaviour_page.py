"""The page docs/behaviour.md: what was measured of other libraries, by rule and by library."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from docs.behaviour_rows import NO_KNOWN_RULE, Row, read_rows
from docs.gallery import anchor
from roialign_cli.core.presets import PRESETS
from roialign_cli.show.document.blocks import Block, Grid, Heading, Paragraph
from roialign_cli.show.document.markdown import to_markdown

# Heading → its rules.
TOPICS = {
    "Boxes": (
        "box format",
        "scale and shift",
        "box end",
        "edge rounding",
        "minimum size",
        "clipping",
    ),
    "Boxes without area": ("boxes without area", "refused boxes"),
    "Sample points": ("points", "sampling ratio", "default ratio", "adaptive grid"),
    "The border of the map": ("border margin", "outside the map", "far edge"),
    "Values": ("interpolation", "divisor", "maximum", "negative features", "non-finite cells"),
    "Maps and channels": ("batch index", "channel map", "output axes"),
    "Last digits": ("coordinates", "position formula", "cell centres"),
}
_RULES = tuple(rule for rules in TOPICS.values() for rule in rules)
_UNMEASURED = "could not be measured"
# The share of the operators beyond which a table names only the others.
_MOST = 2 / 3

# Rules in which operators may differ that give the same outputs up to last digits.
_INCIDENTAL = {*TOPICS["Last digits"], "default ratio", "refused boxes", "non-finite cells"}

_INTRODUCTION = """\
# Measured behaviour

What the ROI Align operators of {libraries} libraries compute. `roialign probe` ran each operator on
the CPU, in float32, on small maps and boxes that were chosen so that each rule shows, and derived
the rules from the outputs. Only the notes at the end of a library are not measured; they belong to
its presets. Where several values of a rule give the same outputs, the page shows the usual one.

- [Libraries](#libraries): versions, presets, and where a library differs from its preset.
- [Rules](#rules): which libraries do the same.
- [Library by library](#library-by-library): {list}.

MMCV, Detectron2, TensorRT and others are missing, because PyPI has no package that runs them on the
CPU. [conventions.md](conventions.md) explains the presets and how the rules of each are known, and
the [glossary](glossary.md) the words.
[behaviour.json](behaviour.json) has the results as data.
[roialign probe](cli.md#roialign-probe) measures a kernel of your own in the same way.
"""

_ABOUT_DETAILS = (
    "The last column names the rules in which a library differs from its preset. Presets leave out "
    "some errors, some effects of NaN, and outputs that are not written or that depend on memory "
    "outside the map."
)


def behaviour() -> str:
    """Return docs/behaviour.md."""
    rows = read_rows()
    libraries = list(dict.fromkeys(row.library for row in rows))
    listed = ", ".join(f"[{name}](#{anchor(name)})" for name in libraries)
    head = _INTRODUCTION.format(libraries=len(libraries), list=listed)
    return head + "\n" + to_markdown([*_summary(rows), *_by_rule(rows), *_by_library(rows)])


def _summary(rows: Sequence[Row]) -> Iterator[Block]:
    yield Heading(2, "Libraries")
    operators = dict.fromkeys(row.key[:3] for row in rows)
    lines = []
    for operator in operators:
        own = [row for row in rows if row.key[:3] == operator]
        first = own[0]
        lines.append(
            (
                f"[{first.library}](#{anchor(first.library)}) {first.version}",
                ", ".join(filter(None, (f"`{first.operator}`", first.mode))),
                ", ".join(row.pooling for row in own),
                _linked(first),
                ", ".join(dict.fromkeys(rule for row in own for rule in row.details)) or "–",
            )
        )
    headers = "library", "operator and mode", "pooling", "preset", "differs in"
    yield Grid(headers, tuple(lines), prose=True)
    yield Paragraph(_ABOUT_DETAILS)
    yield Heading(3, "The same outputs")
    yield Paragraph(
        "The operators of a row give the same outputs up to last digits, wherever they give one "
        "and all cells are finite."
    )
    alike = [
        (pooling, named(own, [row for row in rows if row.pooling == pooling]))
        for own in _alike(rows)
        for pooling in {row.pooling for row in own}
    ]
    yield Grid(("pooling", "operators"), tuple(alike), prose=True)


def _alike(rows: Sequence[Row]) -> Iterator[list[Row]]:
    """Yield operators that agree in all rules but incidental ones, at least two."""
    groups: dict[tuple[tuple[str, str], ...], list[Row]] = {}
    for row in rows:
        rules = {rule: text for rule, text in row.rules.items() if rule not in _INCIDENTAL}
        if NO_KNOWN_RULE not in rules.values() and _INCIDENTAL.issuperset(row.unmeasured):
            groups.setdefault(tuple(sorted(rules.items())), []).append(row)
    yield from sorted((own for own in groups.values() if len(own) > 1), key=len, reverse=True)


def _by_rule(rows: Sequence[Row]) -> Iterator[Block]:
    yield Heading(2, "Rules")
    shared = [(rule, text) for rule in _RULES if (text := _shared(rows, rule))]
    yield Paragraph("All operators that have these rules agree in them:")
    yield Grid(("rule", "measured"), tuple(shared), prose=True)
    for topic, rules in TOPICS.items():
        tables = [rule for rule in rules if not _shared(rows, rule)]
        if tables:
            yield Heading(3, topic)
        for rule in tables:
            groups = grouped(rows, rule)
            others = _others(groups, rows)
            lines = tuple(
                (text, others if len(own) > _MOST * len(rows) else named(own, rows))
                for text, own in groups.items()
            )
            yield Grid((rule, "libraries"), lines, prose=True)


def _shared(rows: Sequence[Row], rule: str) -> str:
    """Return what all operators do by a rule; "" if they differ."""
    groups = grouped(rows, rule)
    return next(iter(groups)) if len(groups) == 1 else ""


def grouped(rows: Sequence[Row], rule: str) -> dict[str, list[Row]]:
    """Return what is done by a rule → the rows, the largest group first."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        text = _UNMEASURED if rule in row.unmeasured else row.rules.get(rule)
        if text is not None:
            groups.setdefault(text, []).append(row)
    last = NO_KNOWN_RULE, _UNMEASURED
    largest_first = sorted(groups, key=lambda text: (text in last, -len(groups[text])))
    return {text: groups[text] for text in largest_first}


def named(group: Sequence[Row], rows: Sequence[Row]) -> str:
    """Return the operators of some rows by library, without modes if all modes are among them."""
    names = []
    for library in dict.fromkeys(row.library for row in group):
        own = [row for row in group if row.library == library]
        every = [row for row in rows if row.library == library]
        modes = _modes(own, every)
        names.append(f"{library} ({'; '.join(modes)})" if modes else library)
    return ", ".join(names)


def _modes(own: Sequence[Row], every: Sequence[Row]) -> list[str]:
    """Return the modes of some rows of a library, [] if they are all of them.

    The pooling is named where a mode does not do the same with each pooling, and it stands alone if
    the rows are all those with a pooling.
    """
    if len(own) == len(every):
        return []
    poolings = {row.pooling for row in own}
    is_whole = {row.key: _is_whole(row, own, every) for row in own}
    if not any(is_whole.values()) and own == [row for row in every if row.pooling in poolings]:
        return sorted(poolings)
    has_operators = len({row.operator for row in every}) > 1
    names: dict[str, None] = {}
    for row in own:
        operator = row.operator.removeprefix("ops.") if has_operators else ""
        words = operator, row.mode, "" if is_whole[row.key] else row.pooling
        names[" ".join(filter(None, words))] = None
    return list(names)


def _is_whole(row: Row, own: Sequence[Row], every: Sequence[Row]) -> bool:
    """Return whether a mode is among some rows with all its poolings."""
    return all(other in own for other in every if other.key[:3] == row.key[:3])


def _by_library(rows: Sequence[Row]) -> Iterator[Block]:
    yield Heading(2, "Library by library")
    yield Paragraph("The rules in which all operators agree are left out.")
    for library in dict.fromkeys(row.library for row in rows):
        own = [row for row in rows if row.library == library]
        yield Heading(3, library)
        operators = ", ".join(dict.fromkeys(f"`{row.operator}`" for row in own))
        presets = ", ".join(dict.fromkeys(_linked(row) for row in own))
        dates = sorted({row.date for row in own})
        yield Paragraph(
            f"Version {own[0].version}, {operators}, measured on {' and '.join(dates)}. "
            f"{'Preset' if len({row.preset for row in own}) == 1 else 'Presets'}: {presets}."
        )
        lines = [
            (rule if number == 0 else "", text, _modes_text(text, groups, own))
            for rule in _RULES
            if not _shared(rows, rule)
            for groups in [grouped(own, rule)]
            for number, text in enumerate(groups)
        ]
        has_modes = len(own) > 1
        headers = ("rule", "measured", "modes")[: 3 if has_modes else 2]
        yield Grid(headers, tuple(line[: len(headers)] for line in lines), prose=True)
        for name, quirks in {row.preset: PRESETS[row.preset].quirks for row in own}.items():
            yield Paragraph(f"{name}: {quirks}")


def _modes_text(text: str, groups: Mapping[str, Sequence[Row]], own: Sequence[Row]) -> str:
    """Return the modes of a library that do what a text states, for a cell of a table."""
    modes = _modes(groups[text], own)
    is_most = len(modes) > 2 and len(groups[text]) > _MOST * len(own)
    return _others(groups, own) if is_most else "; ".join(modes) or "all"


def _others(groups: Mapping[str, Sequence[Row]], rows: Sequence[Row]) -> str:
    """Return the words for the largest group of a rule, which some rows may not have."""
    words = "all others" if len(groups) > 1 else "all"
    has_all = sum(map(len, groups.values())) == len(rows)
    return words if has_all else f"{words} that have the rule"


def _linked(row: Row) -> str:
    return f"[{row.preset}](conventions.md#{row.preset})"
