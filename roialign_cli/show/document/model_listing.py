"""Show the ROI Aligns of a model: two tables, the pyramids, the traps and the options."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from roialign_cli.analysis.scaling import scale_option
from roialign_cli.calls.onnx_models.listing import ListedNode, Listing
from roialign_cli.calls.onnx_models.operators import REQUIRED
from roialign_cli.printable import printable
from roialign_cli.show.document.blocks import Block, Grid, Paragraph, Verbatim
from roialign_cli.show.document.command_line import convention_words
from roialign_cli.show.numbers import format_count, format_indices


def model_listing(listing: Listing) -> Iterator[Block]:
    """Yield the document of a listing."""
    yield Paragraph(_title(listing))
    nodes = listing.nodes
    yield Grid(
        ("#", "output", "scale", "features", "boxes", "preset"),
        tuple((str(n), *_row(node)) for n, node in enumerate(nodes)),
        prose=True,
    )
    yield Grid(
        ("#", "node"),
        tuple((str(n), printable(node.place.name)) for n, node in enumerate(nodes)),
        prose=True,
        compact=True,
    )
    yield Paragraph("")
    for group in listing.pyramids:
        yield Paragraph(f"• {format_indices(sorted(group))} are the levels of a pyramid.")
    yield from _remarks(listing)
    yield from _options(listing)
    if not all(node.why_not_recorded for node in nodes):
        yield from _recording(listing)


def _recording(listing: Listing) -> Iterator[Block]:
    """Yield the inputs of a model, and the command that records its calls."""
    if listing.inputs:
        yield Paragraph(printable(f"Inputs of the model: {'; '.join(map(str, listing.inputs))}"))
    words = ["roialign", "capture", listing.path]
    for one in listing.inputs:
        words += ["--input", f"{one.name}=FILE.npy"]
    yield Paragraph("")
    yield Paragraph("To record the calls of these nodes (--random makes the inputs that you omit):")
    yield Verbatim((printable(shlex.join([*words, "-o", "calls"])),), to_copy=True)


def _title(listing: Listing) -> str:
    producer = f", written by {printable(listing.producer)}" if listing.producer else ""
    operators = Counter(map(_operator, listing.nodes))
    count = ", ".join(format_count(n, f"{o} node", f"{o} nodes") for o, n in operators.items())
    pyramids = len(listing.pyramids)
    grouped = f", in {format_count(pyramids, 'pyramid', 'pyramids')}" if pyramids else ""
    return f"{printable(listing.path)}: ONNX opset {listing.opset}{producer}; {count}{grouped}"


def _row(node: ListedNode) -> tuple[str, ...]:
    size, scale = node.output_size, node.spatial_scale
    features = [shape for role, shape in node.shapes.items() if role.startswith("features")]
    return (
        "–" if size is None else f"{size[0]} × {size[1]}",
        scale_option((scale, scale)) if scale and scale > 0 else "–",
        _shape(features[0] if features else None),
        _shape(node.shapes.get("boxes")),
        "unknown" if node.convention is None else node.convention.name,
    )


def _operator(node: ListedNode) -> str:
    """Return the domain and the type of the operator of a node."""
    domain = f"{node.place.domain}::" if node.place.domain else ""
    return printable(f"{domain}{node.place.node.op_type}")


def _attributes(node: ListedNode) -> str:
    """Return the operator, its attributes and its defaults, without those in the table."""
    in_table = {"spatial_scale", *(node.operator.output_size if node.output_size else ())}
    given = {name: v for name, v in node.attributes.items() if name not in in_table}
    parts = [f"{_operator(node)} of opset {node.opset}"]
    parts += [f"in the file {_values(given)}"] if given else []
    parts += [f"left to the runtime {_values(node.defaults)}"] if node.defaults else []
    return "; ".join(parts) + "."


def _shape(shape: Sequence[object] | None) -> str:
    if shape is None:
        return "?"
    return printable(" × ".join("?" if axis is None else str(axis) for axis in shape))


def _values(values: Mapping[str, Any]) -> str:
    """Return attributes as text; numbers without needless digits."""
    return printable(", ".join(f"{name}={_value(name, v)}" for name, v in values.items()))


def _value(name: str, value: object) -> str:
    if value == REQUIRED:
        return "(required)"
    if isinstance(value, tuple):
        return ",".join(_value("", part) for part in value)
    if isinstance(value, float):
        return (
            scale_option((value, value)) if name == "spatial_scale" and value > 0 else f"{value:g}"
        )
    return str(value)


def _remarks(listing: Listing) -> Iterator[Block]:
    """Yield the attributes, what is unknown and the traps: each text once, with its nodes."""
    remarks: dict[str, list[int]] = {}
    steps: dict[str, list[str]] = {}
    for index, node in enumerate(listing.nodes):
        for text in _remarks_on(node):
            remarks.setdefault(text, []).append(index)
        for trap in node.traps:
            remarks.setdefault(trap.text, []).append(index)
            steps.setdefault(trap.text, []).extend([trap.node] if trap.node else [])
    for text, nodes in remarks.items():
        named = steps.get(text)
        of = f" In the graph: {', '.join(named)}." if named else ""
        yield Paragraph(printable(f"• {format_indices(nodes)}: {text}{of}"))


def _remarks_on(node: ListedNode) -> Iterator[str]:
    yield _attributes(node)
    if node.place.scope.steps:
        yield f"in {' / '.join(node.place.scope.steps)}."
    if node.why_unknown:
        yield f"no preset: {node.why_unknown}."
    if node.why_not_recorded and node.why_not_recorded != node.why_unknown:
        yield f"cannot be recorded: {node.why_not_recorded}."


def _options(listing: Listing) -> Iterator[Block]:
    """Yield the options that choose the rules of the nodes."""
    options: dict[str, list[int]] = {}
    for index, node in enumerate(listing.nodes):
        if node.convention is not None:
            words = " ".join(convention_words(node.convention, {}))
            options.setdefault(words, []).append(index)
    for words, nodes in options.items():
        named = f"node{'s' * (len(nodes) > 1)} {format_indices(nodes)}"
        yield Paragraph(f"The rules of {named}, as options of roialign: {words}")
