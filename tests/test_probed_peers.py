"""`probe` measures the operators of other libraries, live: whichever of them is installed."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest

from docs.behaviour import Environment, measured_row
from docs.behaviour_rows import read_rows
from tests.peers.live import PEERS, Peer

HERE = Environment.of(sys.executable)


@pytest.mark.peers
@pytest.mark.parametrize(
    ("peer", "pooling"),
    [
        pytest.param(peer, pooling, id=f"{peer.name} {pooling}".rstrip())
        for peer in PEERS
        if not peer.damages_memory  # its outputs depend on what else is in memory
        for pooling in peer.poolings
    ],
)
def test_an_installed_library_does_what_docs_behaviour_records(peer: Peer, pooling: str) -> None:
    if HERE.version(peer) is None:
        pytest.skip(f"{peer.package} is not installed")
    fresh = measured_row(peer, pooling, HERE)
    recorded = next(row for row in read_rows() if row.key == fresh.key)
    assert replace(fresh, version=recorded.version, date=recorded.date) == recorded
