"""The public API: its names, and that each of them is documented."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path
from types import FunctionType

import pytest

import roialign_cli

# A name that is added, renamed or removed here also belongs in CHANGELOG.md.
PUBLIC = {
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
}
FUNCTIONS = sorted(name for name in PUBLIC if isinstance(getattr(roialign_cli, name), FunctionType))


def test_the_public_names_are_these() -> None:
    assert {*roialign_cli.__all__} == {*dir(roialign_cli)} == PUBLIC


def test_type_checkers_see_the_objects_that_programs_get() -> None:
    tree = ast.parse(Path(roialign_cli.__file__).read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    imports = {
        alias.name: f"{statement.module}"
        for statement in block.body
        if isinstance(statement, ast.ImportFrom)
        for alias in statement.names
        if alias.asname
    }
    homes = {name: f"roialign_cli.{home}" for name, home in roialign_cli._HOMES.items()}  # noqa: SLF001
    assert imports == homes
    assert {*imports} == PUBLIC - {"__version__"}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_document_their_parameters_results_errors_and_use(name: str) -> None:
    function = getattr(roialign_cli, name)
    text = inspect.getdoc(function) or ""
    for heading in (r"Parameters", r"(Returns|Yields)", r"Raises", r"Examples"):
        assert re.search(rf"^{heading}\n-+\n", text, re.MULTILINE), heading
    described = set(re.findall(r"[*\w]+", " ".join(re.findall(r"^\S.*$", text, re.MULTILINE))))
    for parameter in inspect.signature(function).parameters.values():
        stars = "**" if parameter.kind is parameter.VAR_KEYWORD else ""
        assert f"{stars}{parameter.name}" in described


def test_the_page_has_an_entry_for_each_name_and_each_error() -> None:
    page = pytest.importorskip("docs.api_page", reason="griffe is not installed")
    entries = {name for names in page.ENTRIES.values() for name in names.split()}
    assert {name for name in entries if "." not in name} == PUBLIC - {"__version__"}
    assert {"errors.ArgumentError", "errors.FileError"} <= entries


def test_the_page_imports_only_public_names() -> None:
    page = (Path(__file__).parents[1] / "docs" / "api.md").read_text(encoding="utf-8")
    assert {*re.findall(r"^from roialign_cli import (\w+)$", page, re.MULTILINE)} < PUBLIC


def test_fields_with_one_description_have_their_own_defaults_on_the_page() -> None:
    page = (Path(__file__).parents[1] / "docs" / "api.md").read_text(encoding="utf-8")
    assert "`grid_min`: `int`, `0` by default, `grid_max`: `int | None`, `None` by default" in page
