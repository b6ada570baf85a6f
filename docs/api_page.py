"""The page of the Python API, from the docstrings."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import griffe

# Section → its entries, by their names in `roialign_cli`.
ENTRIES = {
    "Pool boxes": """roi_align roi_align_pyramid PRESETS Preset Convention PYRAMID_RULES
        PyramidRule""",
    "Look at one box": """trace analysis.trace.Trace analysis.sections.Section
        analysis.points.Point analysis.points.Neighbour analysis.rectangle.Rectangle
        core.boxes.Frame""",
    "Compare two conventions or two recordings": """compare analysis.comparison.Comparison
        analysis.comparison.Differences analysis.comparison.Reason analysis.comparison.Shift
        compare_recordings calls.differences.result.RecordingDifferences
        calls.differences.result.CallDifferences calls.differences.result.Stage
        calls.differences.box_changes.BoxChange""",
    "Identify the operator of an output": """identify search.result.Identification
        search.result.Match search.hypothesis.Hypothesis search.explanation.Closest
        search.report.Report search.changes.Change identify_pyramid
        search.pyramid_result.PyramidIdentification search.pyramid_result.RuleFit""",
    "Record calls": """record_calls calls.watch.recorder.Recorder Call calls.call.Description
        calls.call.PyramidLevel""",
    "Measure a kernel": """probe Fingerprint measure.fingerprint.Measurement
        measure.fingerprint.Difference""",
    "Errors": "RoiAlignError errors.ArgumentError errors.FileError",
}
# Members that only other modules use.
INTERNAL = {
    *("Frame.x", "Frame.y", "Frame.x_axis", "Frame.y_axis", "Frame.row_edge", "Frame.whole"),
    *("Rectangle.of_indices", "Recorder.add", "Recorder.skip", "Recorder.finish"),
    *("Closest.on_all_channels", "Closest.rank", "Closest.change_tolerance"),
    *("Hypothesis.pooled_size", "Hypothesis.complexity", "PyramidIdentification.level_by"),
}


def api() -> str:
    """Return docs/api.md: its head, a table of all entries, and the entries."""
    docs = Path(__file__).parent
    package = griffe.load(
        "roialign_cli",
        search_paths=[docs.parent],
        allow_inspection=False,
        docstring_parser="numpy",
        # The parameters that ** stands for are described, too.
        docstring_options={"warn_unknown_params": False, "warn_missing_types": False},
    )
    page = _Page(package)
    parts = [(docs / "api-head.md").read_text(encoding="utf-8").strip(), page.contents()]
    for section, names in ENTRIES.items():
        parts.append(f"## {section}")
        for name in names.split():
            parts += page.entry(package[name], 3)
    return "\n\n".join(parts) + "\n"


class _Page:
    """The entries of the page, which link to each other."""

    def __init__(self, package: Any) -> None:
        self.package = package
        self.anchors: dict[str, str] = {}  # name → anchor
        names = (name for item in ENTRIES.items() for name in (item[0], *item[1].split()))
        for name in names:
            last = name.rpartition(".")[2]
            anchor = last.lower().replace(" ", "-")
            taken = {*self.anchors.values()}
            self.anchors[last] = f"{anchor}-1" if anchor in taken else anchor

    def contents(self) -> str:
        """Return the table of all entries."""
        rows = ["| section | entries |", "|---|---|"]
        for section, names in ENTRIES.items():
            known = (f"`{name.rpartition('.')[2]}`" for name in names.split())
            rows.append(f"| {self.link(section, section)} | {self.linked(', '.join(known))} |")
        return "\n".join(rows)

    def link(self, text: str, name: str) -> str:
        """Return a text that is a link if the name is that of an entry or a section."""
        return f"[{text}](#{self.anchors[name]})" if name in self.anchors else text

    def linked(self, text: str) -> str:
        """Return a text in which the names of entries are links.

        Names after "'s" or a colon are those of other libraries.
        """
        text = re.sub(r"``(.+?)``", r"`\1`", text)
        return re.sub(r"(?<!'s )(?<!: )`([^`\n]+)`", lambda name: self.link(name[0], name[1]), text)

    def entry(self, thing: Any, level: int) -> Iterator[str]:
        """Yield the parts of an entry: heading, signature, sections, members."""
        yield f"{'#' * level} {thing.name if level == 3 else f'{thing.parent.name}.{thing.name}'}"
        is_public = thing.is_alias and level == 3
        code = [f"from {self.package.name} import {thing.name}\n"] if is_public else []
        if thing.is_function:
            is_method = thing.parent.is_class and str(thing.returns) != "None"
            result = f" -> {self.type_text(thing.returns)}" if is_method else ""
            code.append(_signature(thing) + result)
        if code:
            yield "```python\n" + "\n".join(code).strip() + "\n```"
        if thing.is_attribute:
            yield f"{self.typed(thing.annotation)}."
        bases = [str(base) for base in thing.bases] if thing.is_class else []
        if known := [f"`{base}`" for base in bases if base in self.anchors]:
            yield self.linked(f"A subclass of {', '.join(known)}.")
        for section in thing.docstring.parsed:
            yield from self.section(section, thing)
        if thing.is_class:
            yield from self.members(thing, level)

    def section(self, section: Any, thing: Any) -> Iterator[str]:
        """Yield the parts of a section of a docstring."""
        kind = section.kind.value
        if kind == "text":
            yield self.linked(section.value)
            return
        yield f"**{'Fields' if thing.is_class and kind == 'parameters' else kind.capitalize()}**"
        if kind == "examples":
            for part, text in section.value:
                yield self.linked(text) if part.value == "text" else f"```pycon\n{text}\n```"
            return
        groups = groupby(section.value, key=lambda item: item.description)
        yield "\n".join(self.item([*items], thing) for _, items in groups)

    def item(self, items: list[Any], thing: Any) -> str:
        """Return parameters with one description, a result or an error as an item of a list."""
        names = [f"`{one.name}`" for one in items if getattr(one, "name", "")]
        kinds = [self.kind(one, thing, alone=len(items) == 1) for one in items]
        if not names:
            return _item(kinds[0], self.linked(items[0].description))
        if len({*kinds}) > 1 and thing.is_class:
            names = [f"{name}: {kind}" for name, kind in zip(names, kinds, strict=True)]
        head = ", ".join(names) + (f": {kinds[0]}" if len({*kinds}) == 1 and kinds[0] else "")
        return _item(head, self.linked(items[0].description))

    def kind(self, item: Any, thing: Any, *, alone: bool) -> str:
        """Return the type of a parameter or a result, and its default value, if it has any."""
        annotation, default = item.annotation, getattr(item, "default", None)
        if not alone:  # griffe gives all items the type and the default of the first one
            known = {one.name: one for one in thing.parameters}
            one = known.get(item.name.lstrip("*"))
            annotation, default = (one.annotation, one.default) if one else (None, None)
        text = "" if default is None else str(default)
        is_plain = re.fullmatch(r"-?[\d.]+|None|True|False|'.*'|\(.*\)|-math\.inf", text)
        return self.typed(annotation) + (f", `{_quoted(text)}` by default" if is_plain else "")

    def typed(self, annotation: Any) -> str:
        """Return a type as code, which is a link if it is that of an entry."""
        if annotation is None or "Unpack" in str(annotation):
            return ""
        return self.linked(f"`{self.type_text(annotation)}`")

    def type_text(self, annotation: Any) -> str:
        """Return a type with aliases replaced by what they stand for."""
        text = str(annotation)
        names = [] if isinstance(annotation, str) else annotation.iterate(flat=True)
        for name in {one.name: one for one in names if hasattr(one, "name")}.values():
            if name.canonical_path.startswith(f"{self.package.name}."):
                meaning = self.package.modules_collection[name.canonical_path]
                if meaning.is_attribute:
                    text = re.sub(rf"\b{name.name}\b", self.type_text(meaning.value), text)
        text = re.sub(r"Literal\[([^]]*)\]", lambda words: words[1].replace(", ", " | "), text)
        return _quoted(text)

    def members(self, thing: Any, level: int) -> Iterator[str]:
        """Yield the properties and the methods of a class."""
        names = [name for name in thing.members if f"{thing.name}.{name}" not in INTERNAL]
        shown = [thing.members[name] for name in names if not name.startswith("_")]
        documented = [one for one in shown if one.docstring]
        if properties := [one for one in documented if one.is_attribute]:
            yield "**Properties**"
            yield "\n".join(
                _item(f"`{one.name}`: {self.typed(one.annotation)}", self.property_text(one))
                for one in properties
            )
        for one in documented:
            if one.is_function:
                yield from self.entry(one, level + 1)

    def property_text(self, one: Any) -> str:
        """Return what a property is, and the errors that it raises, as one paragraph."""
        words: list[str] = []
        for section in one.docstring.parsed:
            if section.kind.value == "text":
                words.append(section.value.replace("\n\n", "\n"))
            else:
                words += [f"Raises `{e.annotation}`: {e.description}" for e in section.value]
        return self.linked("\n".join(words))


def _quoted(code: str) -> str:
    """Return code with the quotation marks of this project."""
    return code.replace("'", '"')


def _item(head: str, text: str) -> str:
    return f"- {head}  \n{textwrap.indent(text.strip(), '  ')}"


def _signature(function: Any) -> str:
    """Return the signature of a function without types, in lines of a readable length."""
    words: list[str] = []
    for one in function.parameters:
        kind = one.kind.value
        star = {"variadic positional": "*", "variadic keyword": "**"}.get(kind, "")
        if kind == "keyword-only" and "*" not in words:
            words.append("*")
        default = "" if star or one.default is None else f"={_quoted(str(one.default))}"
        words.append(f"{star}{one.name}{'=…' if 'lambda' in default else default}")
    text = ", ".join(word for word in words if word != "self")
    if len(text) >= 80:
        text = f"\n{textwrap.indent(textwrap.fill(text, 80), '    ')}\n"
    return f"{function.name}({text})"
