"""Settings for all tests: processes, threads, thorough tests and Hypothesis profiles."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import settings

from roialign_cli import PRESETS
from tests.kinds import KINDS, OTHERS

# NumPy reads these when it is imported. More threads than one per process only get in each
# other's way.
for _variable in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

# A shell starts a background job with SIGINT ignored, and its children inherit that. The tests that
# interrupt a process need the default.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

_MAX_PROCESSES = 8

pytest.register_assert_rewrite("tests.figure_checks")

settings.register_profile("quick", deadline=None, derandomize=True, max_examples=40)
settings.register_profile("thorough", deadline=None, derandomize=True, max_examples=200)
settings.load_profile("quick")  # --hypothesis-profile loads another one


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Run the whole suite on all cores; run chosen tests in this process, which starts sooner.

    -n overrides the number of processes. Without pytest-xdist all tests run in this process.
    """
    option = config.option
    if getattr(option, "numprocesses", 0) is not None or hasattr(config, "workerinput"):
        return
    chosen = option.keyword or any(arg.partition("::")[0].endswith(".py") for arg in config.args)
    if not chosen:
        option.numprocesses = "auto"
        option.maxprocesses = option.maxprocesses or _MAX_PROCESSES
        option.dist = "worksteal"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect the tests marked thorough unless -m names the marker.

    Tests that take every preset run with one of each kind.
    """
    presets: dict[str, set[str]] = {}
    for item in items:
        presets.setdefault(item.nodeid.partition("[")[0], set()).add(_preset_of(item))
    left_out = [
        item
        for item in items
        if _preset_of(item) in OTHERS and len(presets[item.nodeid.partition("[")[0]]) > len(KINDS)
    ]
    if "thorough" not in config.option.markexpr:
        left_out += [item for item in items if item.get_closest_marker("thorough")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        deselected = set(left_out)
        items[:] = [item for item in items if item not in deselected]


def _preset_of(item: pytest.Item) -> str:
    """Return the preset that a test has as its parameter, "" without one."""
    call = getattr(item, "callspec", None)
    given = call.params.values() if call else ()
    return next((value for value in given if isinstance(value, str) and value in PRESETS), "")


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Open a headless browser for the tests of a module."""
    from tests.browser import chromium  # noqa: PLC0415 - needs selenium

    with chromium(tmp_path_factory.mktemp("profile")) as opened:
        yield opened
