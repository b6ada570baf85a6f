"""Name the parameter of a framework that chooses whether boxes are shifted by half a cell."""

from __future__ import annotations

from roialign_cli.calls.call import Description
from roialign_cli.calls.onnx_models.operators import OPERATORS, REQUIRED, operator_with_title
from roialign_cli.calls.watch.watched import PARAMETERS
from roialign_cli.core.presets import PRESETS

# The parameters that choose the shift, in all frameworks.
_NAMES = {*PARAMETERS["aligned"], *(row.aligned_by for row in OPERATORS if row.aligned_by)}


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
        if name in _NAMES:
            return f"{name}={call.stated[name]}"
    operator = operator_with_title(call.operator)
    if operator is None or not operator.presets:
        return ""
    if not operator.aligned_by:
        return f"no parameter for the shift ({call.operator})"
    default = operator.defaults.get(operator.aligned_by, REQUIRED)
    return f"no attribute {operator.aligned_by} (default {default})"


def parameter_for(call: Description, offset: float) -> str:
    """Return the parameter that gives the ONNX operator of a call this shift.

    Parameters
    ----------
    call
        The call.
    offset
        The shift in cells, as the field `offset` of a convention.

    Returns
    -------
    The parameter and its value, with the opset if the operator needs another one; "" if the
    operator is not one of ONNX, or has no such value.

    Examples
    --------
    >>> parameter_for(Description(operator="ai.onnx::RoiAlign, opset 16"), 0.0)
    'coordinate_transformation_mode=output_half_pixel'
    >>> parameter_for(Description(operator="ai.onnx::RoiAlign, opset 12"), 0.5)
    'coordinate_transformation_mode=half_pixel (opset 16 or later)'
    """
    own = operator_with_title(call.operator)
    if own is None:
        return ""
    named = own.op_type, own.domains
    for row in [own, *(row for row in OPERATORS if (row.op_type, row.domains) == named)]:
        for value, preset in row.presets.items():
            if row.aligned_by and PRESETS[preset].convention.offset == offset:
                later = "" if row is own else f" (opset {row.opsets[0]} or later)"
                return f"{row.aligned_by}={value}{later}"
    return ""
