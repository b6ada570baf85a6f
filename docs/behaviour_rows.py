"""What was measured of other libraries: the rows of docs/behaviour.json."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from roialign_cli.core.convention import Convention
from roialign_cli.core.overrides import unused_with_points
from roialign_cli.measure.clauses import clause
from roialign_cli.measure.fingerprint import Fingerprint
from roialign_cli.measure.rules import REFUSED, RULES
from tests.peers.live import PEERS, Peer

ROWS = Path(__file__).parent / "behaviour.json"
# Rule → the fields of a convention that state it.
FIELDS = {rule.name: rule.convention_fields for rule in RULES}
NO_KNOWN_RULE = "no known rule"


@dataclass(frozen=True)
class Row:
    """What was measured of one operator, in one mode and with one pooling.

    Parameters
    ----------
    library, operator, mode
        As in `Peer`.
    pooling
        The pooling.
    version
        The version of the library.
    date
        The day of the measurement, as YYYY-MM-DD.
    preset
        The name of the preset that it was compared with.
    fields
        Field of a convention → measured value; only values that are not the default.
    texts
        Rule → what was measured, as a clause; only where no field states it.
    ambiguous
        The rules of which other values give the same answers.
    unmeasured
        The rules that could not be measured.
    details
        The rules in which the preset differs.
    """

    library: str
    operator: str
    mode: str
    pooling: str
    version: str
    date: str
    preset: str
    fields: Mapping[str, Any]
    texts: Mapping[str, str]
    ambiguous: tuple[str, ...]
    unmeasured: tuple[str, ...]
    details: tuple[str, ...]

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What identifies the row."""
        return self.library, self.operator, self.mode, self.pooling

    @property
    def peer(self) -> Peer:
        """The operator."""
        return next(peer for peer in PEERS if peer.key == self.key[:3])

    @cached_property
    def convention(self) -> Convention:
        """The measured rules. Fields that could not be measured have their default values."""
        values: dict[str, Any] = {
            name: float(value) if value in {"inf", "-inf"} else value
            for name, value in self.fields.items()
        }
        return Convention(**values)

    @cached_property
    def rules(self) -> Mapping[str, str]:
        """Rule → what was measured, as a clause; only rules that the operator has."""
        left_out = {*_meaningless(self.peer, self.convention), *self.unmeasured}
        return {
            rule.name: self.texts.get(rule.name) or clause(rule.name, self.convention)
            for rule in RULES
            if rule.name not in left_out
            and (rule.name in self.texts or self.pooling == "max" or not rule.needs_max)
        }


def row_of(peer: Peer, version: str, date: str, found: Fingerprint) -> Row:
    """Return what was measured of a peer, compared with its preset."""
    defaults, left_out = Convention().parameters(), _meaningless(peer, found.convention)
    measured = [one for one in found.measurements if one.rule not in left_out]
    texts = {
        one.rule: NO_KNOWN_RULE if one.certainty == "no known rule" else one.text
        for one in measured
        if one.certainty != "not measurable"
    }
    if found.failures:
        texts[REFUSED] = refusals(found.failures)
    if peer.needs_ratio:
        texts["default ratio"] = "a ratio has to be given"
    return Row(
        library=peer.library,
        operator=peer.operator,
        mode=peer.mode,
        pooling=found.convention.pooling,
        version=version,
        date=date,
        preset=peer.preset,
        fields={
            name: str(value) if isinstance(value, float) and math.isinf(value) else value
            for name, value in found.convention.parameters().items()
            if value != defaults[name]
        },
        texts={
            rule: text for rule, text in texts.items() if text != clause(rule, found.convention)
        },
        ambiguous=tuple(one.rule for one in measured if one.certainty == "no effect seen"),
        unmeasured=tuple(one.rule for one in measured if one.rule not in texts),
        details=tuple(one.rule for one in found.differs),
    )


def _meaningless(peer: Peer, convention: Convention) -> set[str]:
    """Return the rules that an operator does not have, whatever the answers agree with."""
    unused = unused_with_points(convention.points)
    rules = {rule for rule, fields in FIELDS.items() if fields and unused.issuperset(fields)}
    rules.discard("far edge")
    if convention.reads_cells:
        rules.update(_OF_SAMPLE_POINTS)
    if "ratio" in peer.arguments:
        rules.add("default ratio")
    if "sampling_ratio" not in peer.takes:
        rules.add("sampling ratio")
        if not convention.is_adaptive and convention.grid_from == "section":
            rules.add("adaptive grid")
    return rules


_OF_SAMPLE_POINTS = (
    "border margin",
    "outside the map",
    "coordinates",
    "cell centres",
)


def refusals(failures: Mapping[str, Iterable[str]]) -> str:
    """Return for which boxes there is no output, without the words of the library.

    Parameters
    ----------
    failures
        Why there is no output → the names of the calls.
    """
    found: dict[str, list[str]] = {}
    for problem, calls in failures.items():
        kind = next((k for start, k in _KINDS.items() if problem.startswith(start)), problem)
        found.setdefault(kind, []).extend(calls)
    return "; ".join(f"{kind} for {_boxes(calls)}" for kind, calls in found.items())


# How a problem begins → what is kept of it.
_KINDS = {"it raised": "an error", "its process ended": "the process crashes"}
_BOXES = {
    ("no width", "no height", "no width and height"): "without area",
    ("inverted along x", "inverted along y", "inverted along both axes"): "inverted along any axis",
    ("inverted along x", "inverted along y"): "inverted along one axis",
    ("inverted along both axes",): "inverted along both axes",
}
_GRIDS = {"adaptive grid": "with the adaptive grid", "ratio 2": "with a sampling ratio"}


def _boxes(calls: Iterable[str]) -> str:
    """Return the boxes of some calls in words."""
    by_kind: dict[str, set[str]] = {}
    for call in calls:
        kind, _, grid = call.rpartition(", ")
        by_kind.setdefault(kind if grid in _GRIDS else call, set()).add(grid)
    parts: dict[str, list[str]] = {}
    for kinds, words in _BOXES.items():
        grids = [by_kind.get(kind) for kind in kinds]
        if None not in grids and all(each == grids[0] for each in grids):
            where = " and ".join(_GRIDS[grid] for grid in sorted(grids[0] or ()))
            parts.setdefault("" if len(grids[0] or ()) == len(_GRIDS) else where, []).append(words)
            for kind in kinds:
                del by_kind[kind]
    if by_kind:
        parts.setdefault("", []).extend(f"of the call {kind!r}" for kind in by_kind)
    return ", ".join(
        f"a box {' or '.join(words)}{f', {where}' if where else ''}"
        for where, words in parts.items()
    )


def read_rows() -> list[Row]:
    """Return the rows, in the order of the peers; none if there is no file yet."""
    if not ROWS.exists():
        return []
    rows = []
    for record in json.loads(ROWS.read_text(encoding="utf-8")):
        lists = {name: tuple(record[name]) for name in ("ambiguous", "unmeasured", "details")}
        rows.append(Row(**{**record, **lists}))
    return rows


def write_rows(rows: Iterable[Row]) -> None:
    """Write the rows, in the order of the peers."""
    order = {peer.key: place for place, peer in enumerate(PEERS)}
    ordered = sorted(rows, key=lambda row: (order[row.key[:3]], row.pooling))
    text = json.dumps([asdict(row) for row in ordered], indent=1, ensure_ascii=False)
    ROWS.write_text(f"{text}\n", encoding="utf-8")
