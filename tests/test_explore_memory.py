"""The server of `roialign explore` needs no more memory after many answers."""

from __future__ import annotations

import gc
import json
import tracemalloc
from collections.abc import Callable

import pytest

from roialign_cli.cli.demo import sample_data
from tests.explore_client import served

PHOTO = [
    f"{sample_data()}/astronaut.png", "--stride", "32", "--sampling-ratio", "2",
    "--box", "170,70,272,190", "--output-size", "7",
]  # fmt: skip


# Of all that is sent. A server that kept requests or answers would grow by all of it; the rest is
# what Python itself keeps for later use.
MAX_GROWTH = 0.05


def check_growth(action: Callable[[int], int], times: int) -> None:
    """Assert that repeating an action needs no more memory.

    `action` returns how many bytes it sent or received.
    """
    tracemalloc.start()
    try:
        for k in range(times):  # fill the caches
            action(k)
        gc.collect()
        before, _ = tracemalloc.get_traced_memory()
        sent = sum(action(times + k) for k in range(times))
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < MAX_GROWTH * sent


@pytest.mark.thorough
def test_memory_does_not_grow_with_answers() -> None:
    with served(*PHOTO) as client:

        def drag(k: int) -> int:
            """Ask what the page asks when its box is dragged, each time with other numbers."""
            box = [170 + k / 7, 70 + k / 11, 272 + k / 5, 190 + k / 3]
            changes = {"box": box, "roi": None, "channel": ("mean", "max", "norm", 0, 1, 2)[k % 6]}
            questions = ("trace", "point", "map", "commands")
            return sum(len(client.raw(question, **changes)) for question in questions)

        check_growth(drag, 60)


@pytest.mark.thorough
def test_memory_does_not_grow_with_refused_requests() -> None:
    with served(*PHOTO) as client:
        wrong = json.dumps({**client.start, "section": [9, 9]}).encode()
        malformed = b"{" * 60_000

        def refuse(_: int) -> int:
            assert client.post("trace", wrong)[0] == 422
            assert client.post("trace", malformed)[0] == 400
            assert client.get("nothing")[0] == 404
            return len(wrong) + len(malformed)

        check_growth(refuse, 30)
