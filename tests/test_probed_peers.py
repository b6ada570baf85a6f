"""`probe` measures the operators of other libraries, live: whichever of them is installed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from roialign_cli.measure.call import ProbeCall
from roialign_cli.measure.probing import probe
from tests.test_peers import PEERS, Peer

pytestmark = pytest.mark.peers

# What is measured of a peer and that its preset does not have: no output for boxes that are
# inverted along one axis, and a maximum that depends on where a NaN stands.
DETAILS = {"refused boxes", "non-finite cells", "coordinates", "position formula", "default ratio"}


@dataclass(frozen=True)
class PeerTarget:
    """A peer as a kernel, with one of its poolings."""

    peer: Peer
    pooling: str

    @property
    def name(self) -> str:
        return self.peer.name

    @property
    def parameters(self) -> frozenset[str]:
        return frozenset({"output_size", "batch_index", *self.peer.takes})

    def run(self, call: ProbeCall) -> Any:
        given = {
            "spatial_scale": call.spatial_scale,
            "sampling_ratio": call.sampling_ratio or 0,
            "pooling": self.pooling,
            "extrapolation_value": 0.0,
        }
        options = {name: given[name] for name in self.peer.takes}
        return self.peer.run(
            call.features, call.boxes, call.batch_index, call.output_size, **options
        )


@pytest.mark.parametrize(
    ("peer", "pooling"),
    [
        pytest.param(peer, pooling, id=f"{peer.name}-{pooling}")
        for peer in PEERS
        for pooling in (("avg", "max") if "pooling" in peer.takes else ("",))
    ],
)
def test_every_peer_is_measured_as_its_preset(peer: Peer, pooling: str) -> None:
    found = probe(PeerTarget(peer, pooling))
    if found.problem:
        pytest.skip(found.problem)
    assert peer.preset in found.equal
    assert {difference.rule for difference in found.differs} <= DETAILS
    assert all(difference.is_minor for difference in found.differs)
