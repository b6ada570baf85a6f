"""Settings for all tests: processes, threads, thorough tests and Hypothesis profiles."""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Generator, Iterator
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

settings.register_profile("quick", deadline=None, derandomize=True, max_examples=20)
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


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect no garbage while thousands of tests are collected, and less often later.

    The tests remain until the end. Looking through them again and again would take a fifth of
    the time.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.set_threshold(20_000, 20, 20)  # instead of 700, 10, 10


@pytest.hookimpl(tryfirst=True)  # before -m is applied, because tests are marked here
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect the tests marked thorough unless -m names the marker.

    Tests that take every preset run with one of each kind. If such a test has other parameters,
    these take turns among the presets by default, and the remaining combinations are marked
    thorough.
    """
    groups: dict[str, dict[str, list[pytest.Item]]] = {}
    for item in items:
        of_presets = groups.setdefault(item.nodeid.partition("[")[0], {})
        of_presets.setdefault(_preset_of(item), []).append(item)
    left_out: list[pytest.Item] = []
    for of_presets in groups.values():
        if len(of_presets) > len(KINDS):
            left_out += [item for name in OTHERS for item in of_presets.get(name, ())]
            _mark_all_but_one(
                [rows for name, rows in of_presets.items() if name and name not in OTHERS]
            )
    if "thorough" not in config.option.markexpr:
        left_out += [item for item in items if item.get_closest_marker("thorough")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        deselected = set(left_out)
        items[:] = [item for item in items if item not in deselected]


def _mark_all_but_one(of_presets: list[list[pytest.Item]]) -> None:
    """Mark the tests of each preset thorough, except for one of its default tests in turn.

    Leave tests alone of which some presets have more than others.
    """
    by_default = [
        [item for item in rows if not item.get_closest_marker("thorough")] for rows in of_presets
    ]
    if len({*map(len, by_default)}) == 1:
        for turn, rows in enumerate(by_default):
            for index, item in enumerate(rows):
                if index != turn % len(rows):
                    item.add_marker("thorough")


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
