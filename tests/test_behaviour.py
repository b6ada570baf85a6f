"""The presets agree with what docs/behaviour.json holds of other libraries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from docs.behaviour import can_answer
from docs.behaviour_page import TOPICS, behaviour
from docs.behaviour_rows import FIELDS, Row, read_rows, refusals, row_of
from roialign_cli import PRESETS, probe, roi_align
from roialign_cli.core.overrides import applicable_overrides
from roialign_cli.measure.call import ProbeCall
from roialign_cli.measure.nearest import with_pooling
from roialign_cli.measure.target import UnansweredError
from tests.peers.live import PEERS, Peer

ROWS = read_rows()
# Rules that a preset does not state in full: for which boxes there is an error instead of an
# output, and which NaN points a maximum skips.
MINOR = {"refused boxes", "non-finite cells"}
# (preset, rule) → why the library follows no rule.
UNDEFINED = {
    ("ncnn-0", "far edge"): "beyond the last row and column, it reads other memory",
    ("ncnn-0", "border margin"): "the same",
    ("ncnn-0-aligned", "far edge"): "the same",
    ("ncnn-0-aligned", "border margin"): "the same",
    ("tvm-aligned", "boxes without area"): "the output of a box without points is not written",
}


def each_row(rows: list[Row]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("row", [pytest.param(r, id=" ".join(r.key)) for r in rows])


def test_an_output_that_is_missing_is_stated_in_words_of_our_own() -> None:
    along_one = ["inverted along x, adaptive grid", "inverted along y, adaptive grid"]
    assert refusals({"it raised ValueError: vector": along_one}) == (
        "an error for a box inverted along one axis, with the adaptive grid"
    )
    kinds = ("no width", "no height", "no width and height")
    empty = [f"{kind}, {grid}" for kind in kinds for grid in ("adaptive grid", "ratio 2")]
    assert refusals({"its process ended with signal SIGABRT": [*empty, "grid, whole sizes"]}) == (
        "the process crashes for a box without area or of the call 'grid, whole sizes'"
    )


def test_every_peer_was_measured_with_each_of_its_poolings() -> None:
    assert {row.key[:3]: row.preset for row in ROWS} == {peer.key: peer.preset for peer in PEERS}
    assert len(ROWS) == sum(len(peer.poolings) for peer in PEERS)
    for peer in PEERS:
        assert {*peer.poolings} <= {"", *PRESETS[peer.preset].poolings}


def test_every_rule_is_under_a_topic() -> None:
    rules = [rule for group in TOPICS.values() for rule in group]
    assert sorted(rules) == sorted({*FIELDS} - {"pooling"})


def test_libraries_without_a_rule_are_not_counted_among_those_that_follow_it() -> None:
    page = behaviour()
    # TensorFlow has no adaptive grid, ROI pooling has no sample points, and all read boxes.
    assert "| the adaptive grid is ceil(section size) | all others that have the rule |" in page
    assert "| boxes are x1, y1, x2, y2 | all others |" in page
    formula = "points are computed as start + i·section + (q + 0.5)·section / grid"
    assert f"| position formula | {formula} | all that have the rule |" in page


@each_row(ROWS)
def test_a_row_differs_from_its_preset_only_in_details(row: Row) -> None:
    assert {rule for rule in row.details if (row.preset, rule) not in UNDEFINED} <= MINOR


@each_row(ROWS)
def test_the_fields_of_a_preset_are_the_measured_ones(row: Row) -> None:
    convention = with_pooling(PRESETS[row.preset], row.pooling)  # type: ignore[arg-type]
    known = {*row.ambiguous, *row.unmeasured, *row.details}
    for rule, fields in FIELDS.items():
        if rule in row.rules and rule not in known:
            expected = {name: getattr(convention, name) for name in fields}
            assert {name: getattr(row.convention, name) for name in fields} == expected, rule


@dataclass(frozen=True)
class PresetTarget:
    """The preset of a peer, with the parameters of the peer."""

    peer: Peer
    pooling: str
    name: str = "a preset"

    @property
    def parameters(self) -> frozenset[str]:
        return frozenset({"output_size", "batch_index", *self.peer.takes})

    def run(self, call: ProbeCall) -> Any:
        needs_ratio = self.peer.needs_ratio and call.sampling_ratio is None
        if needs_ratio or not can_answer(self.peer, call):
            raise UnansweredError
        convention = with_pooling(PRESETS[self.peer.preset], self.pooling)  # type: ignore[arg-type]
        options: dict[str, Any] = {}
        if "spatial_scale" in self.peer.takes:
            options["spatial_scale"] = call.spatial_scale
        if "sampling_ratio" in self.peer.takes and call.sampling_ratio is not None:
            options |= applicable_overrides(convention, sampling_ratio=call.sampling_ratio)
        return roi_align(
            call.features,
            call.boxes,
            call.output_size,
            convention=convention,
            batch_index=call.batch_index,
            **options,
        )


@pytest.mark.thorough
@each_row(ROWS)
def test_a_preset_is_measured_as_its_library(row: Row) -> None:
    """Where several values of a rule give the same answers, the measurement takes the same one."""
    found = probe(PresetTarget(row.peer, row.pooling), preset=row.preset)
    fresh = row_of(row.peer, row.version, row.date, found)
    for rule, text in fresh.rules.items():
        if rule in row.rules and rule not in row.details:
            # A preset raises an error where a library crashes the process.
            assert text == row.rules[rule].replace("the process crashes", "an error"), rule
