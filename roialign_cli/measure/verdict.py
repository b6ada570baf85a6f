"""State the result of a measurement in a few sentences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from roialign_cli.measure.rules import RULES

if TYPE_CHECKING:
    from roialign_cli.measure.fingerprint import Difference, Fingerprint

_MAX_STATED_RULES = 3  # of more rules, only the names are listed
_MINOR = frozenset(rule.name for rule in RULES if rule.is_minor)


def verdict_of(found: Fingerprint) -> str:
    """Return which preset a kernel equals, or by which rules it differs from the nearest."""
    if found.problem:
        return found.problem
    major = [each for each in found.differs if not each.is_minor]
    minor = [each for each in found.differs if each.is_minor]
    sentences = [_preset_words(found, major, minor)]
    if major and minor:
        details = "A detail differs" if len(minor) == 1 else f"{len(minor)} details differ"
        sentences.append(f"{details}, too: {_rules(found, minor)}.")
    unknown = [each.rule for each in found.unknown if each.rule not in _MINOR]
    if unknown:
        sentences.append(_unknown_words(unknown))
    return " ".join(sentences)


def _preset_words(
    found: Fingerprint, major: Sequence[Difference], minor: Sequence[Difference]
) -> str:
    pooling = found.convention.pooling
    if major:
        begin = f"Nearest: {found.nearest}."
        if found.is_chosen:
            begin = f"This is not {found.nearest} ({pooling})."
        differ = "1 rule differs" if len(major) == 1 else f"{len(major)} rules differ"
        return f"{begin} {differ}: {_rules(found, major)}."
    begin = "The answers so far agree with" if found.is_partial else "This is"
    exception = ""
    if minor:
        details = "a detail" if len(minor) == 1 else f"{len(minor)} details"
        exception = f", except for {details}: {_rules(found, minor)}"
    return f"{begin} {found.nearest} ({pooling}){exception}."


def _rules(found: Fingerprint, differs: Sequence[Difference]) -> str:
    """Return what a kernel does by some rules, or only their names if they are many."""
    if len(differs) > _MAX_STATED_RULES:
        return ", ".join(each.rule for each in differs)
    return "; ".join(difference_words(found, each) for each in differs)


def difference_words(found: Fingerprint, difference: Difference) -> str:
    """Return what a kernel does by a rule, or that it follows no known one."""
    if found.measurement(difference.rule).certainty == "no known rule":
        return f"{difference.rule} (no known rule)"
    return difference.measured


def _unknown_words(rules: Sequence[str]) -> str:
    if len(rules) > _MAX_STATED_RULES:
        return f"{len(rules)} rules could not be measured."
    return f"Not measured: {', '.join(rules)}."
