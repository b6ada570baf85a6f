"""Sentences on how the operators of two recordings differ, and what to set to match the first."""

from __future__ import annotations

from collections.abc import Iterator

from roialign_cli.analysis.comparison import Reason
from roialign_cli.analysis.equivalence import effective_rules
from roialign_cli.calls.agreement import value_text
from roialign_cli.calls.differences.framework_parameters import setting_for, shift_parameter
from roialign_cli.calls.differences.kernels import Kernel, KernelCheck
from roialign_cli.calls.differences.result import CallDifferences
from roialign_cli.show.document.answer import answer_clauses
from roialign_cli.show.document.difference_words import SIDES, by_up_to, joined
from roialign_cli.show.numbers import format_count, format_indices, name_of

_MAX_FIELDS = 4  # in a sentence


def operator_clause(call: CallDifferences) -> str:
    """Return the parameters in which the operators differ, as a clause."""
    stage = call.stage("parameters")
    if stage.text:
        return stage.text
    own, other = (check.kernel for check in call.checks)
    texts = [
        f"in {side}, {change.text}"
        for side, kernel in zip(SIDES, (own, other), strict=True)
        for change in (() if kernel is None else kernel.changes)
    ]
    if own is not None and other is not None and own.factor != other.factor:
        texts.append("B uses another scale than it states")
    named = call.effective_fields
    texts += [_values(reason) for reason in named[:_MAX_FIELDS]]
    if len(named) > _MAX_FIELDS:
        texts.append(f"{len(named) - _MAX_FIELDS} more")
    return joined(texts, ", ") if texts else "its rules are not those of A"


def changed_fields(call: CallDifferences) -> str:
    """Return the parameters in which the operators differ, for a table; "" if none is known."""
    named = call.effective_fields
    texts = [
        f"{one.field} {value_text(one.here)} → {value_text(one.there)}"
        for one in named[:_MAX_FIELDS]
    ]
    if len(named) > _MAX_FIELDS:
        texts.append(f"{len(named) - _MAX_FIELDS} more")
    return ", ".join(texts)


def _values(reason: Reason) -> str:
    here, there = value_text(reason.here), value_text(reason.there)
    return f"{reason.field} is {here} in A and {there} in B"


def operator_details(call: CallDifferences) -> Iterator[str]:
    """Yield the maps on which the operators differ, and the parameters to set."""
    places = [call.groups[1].on_map(index) for index in call.maps_at_fault]
    nodes = [one.description.place for one in places if one is not None and one.description.place]
    if call.maps_at_fault:
        maps = "map" if len(call.maps_at_fault) == 1 else "maps"
        of = f" ({', '.join(nodes)} in B)" if nodes else ""
        yield f"The difference is on {maps} {format_indices(call.maps_at_fault)} alone{of}."
    parameters = " ".join(_parameters_to_set(call))
    if parameters:
        yield parameters


def _parameters_to_set(call: CallDifferences) -> Iterator[str]:
    """Yield the parameters in which the frameworks differ, and their values that match A."""
    if not all(check.is_stated for check in call.checks):
        return
    at = call.maps_at_fault[0] if call.maps_at_fault else None
    members = (group.members[0] if at is None else group.on_map(at) for group in call.groups)
    own, other = (None if member is None else member.description for member in members)
    if own is None or other is None:
        return
    settings = []
    for reason in call.effective_fields:
        if reason.field == "offset":
            first, second = shift_parameter(own), shift_parameter(other)
            if not first or not second:
                continue
            yield f"A has {first}, B has {second}."
        setting = setting_for(other, reason.field, reason.here)
        if setting is not None:
            settings.append("{} to {}".format(*setting))
    if settings:
        node = f" ({other.place})" if other.place and not call.maps_at_fault else ""
        yield f"To match A, set {joined(settings)} in B{node}."


def operator_lines(check: KernelCheck, side: str) -> Iterator[str]:
    """Yield how the output of a side disagrees with its stated operator."""
    if not check.rows and check.stated is not None:
        yield f"{side} has no recorded output; it is computed by the stated operator."
    if check.is_stated or not check.rows:
        return
    if check.stated is None:
        stated = f"{side} states no operator."
    else:
        stated = (
            f"{side} states {name_of(check.stated.convention)}, from which its output differs "
            f"{by_up_to(check.stated_error)} in {check.stated_wrong} of {check.rows} rows."
        )
    if check.kernel is not None:
        yield f"{stated} What its output shows: {shown_words(check.stated, check.kernel)}."
        return
    yield stated
    if check.found is not None and check.found.answer is not None:
        rows = format_count(len(check.found.answer.boxes), "row", "rows")
        yield f"A search on {rows}: {'; '.join(answer_clauses(check.found.answer))}"


def shown_words(stated: Kernel | None, kernel: Kernel) -> str:
    """Return the rules that an output shows, by what differs from the stated ones."""
    changes = [change.text for change in kernel.changes]
    if stated is None:
        return "; ".join([name_of(kernel.convention), *changes])
    here = effective_rules(stated.convention).parameters()
    there = effective_rules(kernel.convention).parameters()
    own = kernel.convention.parameters()
    fields = [f"{name}={own[name]}" for name in here if here[name] != there[name]]
    return "; ".join([*fields, *changes]) or name_of(kernel.convention)
