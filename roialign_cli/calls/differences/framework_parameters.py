"""Name the parameters of a framework that give its operator the rules of another one."""

from __future__ import annotations

from typing import Any

from roialign_cli.calls.agreement import value_text
from roialign_cli.calls.call import Description
from roialign_cli.calls.onnx_models.operators import (
    OPERATORS,
    REQUIRED,
    OnnxOperator,
    operator_with_title,
)
from roialign_cli.calls.watch.watched import FIELD_VALUES, PARAMETERS
from roialign_cli.calls.watch.watched import OPERATORS as FUNCTIONS
from roialign_cli.core.presets import PRESETS

# The parameters that choose the shift, in all frameworks.
_SHIFT_NAMES = {*PARAMETERS["aligned"], *(row.aligned_by for row in OPERATORS if row.aligned_by)}
# Parameters that nearly all frameworks have under the name that they have here.
_SAME_NAMES = "spatial_scale", "sampling_ratio"

Setting = tuple[str, str]  # the name of a parameter, and its value as text


def shift_parameter(call: Description) -> str:
    """Return the parameter of a call that chooses the shift, as a clause; "" if it is unknown.

    Examples
    --------
    >>> shift_parameter(Description(stated={"aligned": False}))
    'aligned=False'
    >>> shift_parameter(Description(operator="ai.onnx::RoiAlign, opset 16"))
    'no attribute coordinate_transformation_mode (default half_pixel)'
    >>> shift_parameter(Description(operator="ai.onnx::RoiAlign, opset 12"))
    'no parameter for the shift (ai.onnx::RoiAlign, opset 12)'
    """
    for name in call.stated:
        if name in _SHIFT_NAMES:
            return f"{name}={call.stated[name]}"
    operator = operator_with_title(call.operator)
    if operator is None or not operator.presets:
        return ""
    if not operator.aligned_by:
        return f"no parameter for the shift ({call.operator})"
    default = operator.defaults.get(operator.aligned_by, REQUIRED)
    return f"no attribute {operator.aligned_by} (default {default})"


def setting_for(call: Description, field: str, value: Any) -> Setting | None:  # noqa: ANN401
    """Return the parameter that gives the operator of a call a value of a field.

    Parameters
    ----------
    call
        The call.
    field, value
        A field of a convention and its value, or "spatial_scale" and a pair (y, x).

    Returns
    -------
    The parameter as the framework names it and its value, with the opset if an ONNX operator needs
    another one; None if the operator has no such parameter or value.

    Examples
    --------
    >>> setting_for(Description(operator="ai.onnx::RoiAlign, opset 16"), "pooling", "avg")
    ('mode', 'avg')
    >>> setting_for(Description(operator="TRT::ROIAlign_TRT, opset 1"), "pooling", "max")
    ('mode', '0')
    >>> setting_for(Description(operator="ai.onnx::RoiAlign, opset 12"), "offset", 0.5)
    ('coordinate_transformation_mode', 'half_pixel (opset 16 or later)')
    >>> setting_for(Description(stated={"pool_mode": "avg"}), "pooling", "max")
    ('pool_mode', 'max')
    >>> setting_for(Description(operator="ai.onnx::RoiAlign, opset 16"), "min_size", 0)
    """
    operator = operator_with_title(call.operator)
    if operator is None:
        return _of_function(call, field, value)
    return _shift_of(operator, value) if field == "offset" else _attribute(operator, field, value)


def _shift_of(operator: OnnxOperator, offset: float) -> Setting | None:
    """Return the attribute of an ONNX operator for a shift, in its own or in another opset."""
    named = operator.op_type, operator.domains
    others = (row for row in OPERATORS if (row.op_type, row.domains) == named)
    for row in (operator, *others):
        for value, preset in row.presets.items():
            if row.aligned_by and PRESETS[preset].convention.offset == offset:
                later = "" if row is operator else f" (opset {row.opsets[0]} or later)"
                return row.aligned_by, f"{value}{later}"
    return None


def _attribute(operator: OnnxOperator, field: str, value: object) -> Setting | None:
    """Return the attribute of an ONNX operator for a value of a field."""
    if field == "spatial_scale" and field in operator.defaults:
        return field, value_text(value)
    for name, of_convention in operator.numbers.items():
        if of_convention == field:
            return name, value_text(value)
    conventions = [PRESETS[preset].convention for preset in operator.presets.values()]
    for name, choices in operator.choices.items():
        if {set_field for sets in choices.values() for set_field in sets} != {field}:
            continue
        for choice, sets in choices.items():
            if all(sets.get(field, getattr(one, field)) == value for one in conventions):
                return name, str(choice)
    return None


def _of_function(call: Description, field: str, value: object) -> Setting | None:
    """Return the parameter of a function for a value of a field."""
    if field == "offset":
        return _shift_of_function(call, value)
    spellings = FIELD_VALUES.get(field, {})
    texts = [text for text, meaning in spellings.items() if meaning == value]
    own = [name for name in PARAMETERS.get(field, ()) if name in call.stated]
    if field in _SAME_NAMES and call.operator:
        own.append(field)
    if not own or (spellings and not texts):
        return None
    return own[0], texts[0] if texts else value_text(value)


def _shift_of_function(call: Description, offset: object) -> Setting | None:
    """Return the parameter of a function for a shift."""
    own = [name for name in PARAMETERS["aligned"] if name in call.stated]
    function = next((one for one in FUNCTIONS if one.name == call.operator), None)
    if function is None or not own:
        return None
    for preset, is_aligned in ((function.preset, True), (function.unaligned, False)):
        if preset is not None and PRESETS[preset].convention.offset == offset:
            return own[0], str(is_aligned)
    return None
