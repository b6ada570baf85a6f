"""Run ROI Align by the rules of any library, explain every number, draw it."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from roialign_cli.presentation import install

if TYPE_CHECKING:
    from roialign_cli.analysis.comparison import compare as compare
    from roialign_cli.analysis.trace import trace as trace
    from roialign_cli.calls.call import Call as Call
    from roialign_cli.calls.differences.comparing import compare_recordings as compare_recordings
    from roialign_cli.calls.watch.recorder import record_calls as record_calls
    from roialign_cli.core.convention import Convention as Convention
    from roialign_cli.core.operation import roi_align as roi_align
    from roialign_cli.core.preset import Preset as Preset
    from roialign_cli.core.presets import PRESETS as PRESETS
    from roialign_cli.core.pyramid_operation import roi_align_pyramid as roi_align_pyramid
    from roialign_cli.core.pyramid_rules import PYRAMID_RULES as PYRAMID_RULES
    from roialign_cli.core.pyramid_rules import PyramidRule as PyramidRule
    from roialign_cli.errors import RoiAlignError as RoiAlignError
    from roialign_cli.measure.fingerprint import Fingerprint as Fingerprint
    from roialign_cli.measure.probing import probe as probe
    from roialign_cli.presentation import Presenter
    from roialign_cli.search.pyramid_search import identify_pyramid as identify_pyramid
    from roialign_cli.search.search import identify as identify

__version__ = "1.0.0"

# Loaded on first use, so that `roialign --help` does not wait for NumPy.
_HOMES = {
    "Call": "calls.call",
    "Fingerprint": "measure.fingerprint",
    "PRESETS": "core.presets",
    "PYRAMID_RULES": "core.pyramid_rules",
    "PyramidRule": "core.pyramid_rules",
    "Preset": "core.preset",
    "Convention": "core.convention",
    "RoiAlignError": "errors",
    "compare": "analysis.comparison",
    "compare_recordings": "calls.differences.comparing",
    "identify": "search.search",
    "probe": "measure.probing",
    "record_calls": "calls.watch.recorder",
    "identify_pyramid": "search.pyramid_search",
    "roi_align": "core.operation",
    "roi_align_pyramid": "core.pyramid_operation",
    "trace": "analysis.trace",
}
__all__ = [
    "PRESETS",
    "PYRAMID_RULES",
    "Call",
    "Convention",
    "Fingerprint",
    "Preset",
    "PyramidRule",
    "RoiAlignError",
    "__version__",
    "compare",
    "compare_recordings",
    "identify",
    "identify_pyramid",
    "probe",
    "record_calls",
    "roi_align",
    "roi_align_pyramid",
    "trace",
]


def _presenter() -> Presenter:
    from importlib import import_module

    return cast("Presenter", import_module(f"{__name__}.page.notebook"))


install(_presenter)


def __getattr__(name: str) -> object:
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
