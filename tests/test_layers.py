"""Which package may import which: the core knows no file, no screen and no command."""

from __future__ import annotations

import re
import sys

import pytest

from docs.packages import OWN, PACKAGE, arrows, imported, modules_of, packages

# The modules in the package's root that everything may import.
COMMON = {"errors", "memory", "presentation", "printable"}

# Package → the other packages of this project and the libraries that its modules may import.
ALLOWED: dict[str, tuple[set[str], set[str]]] = {
    "core": (set(), {"numpy"}),
    "analysis": ({"core"}, {"numpy"}),
    "search": ({"core", "analysis"}, {"numpy"}),
    "measure": ({"core", "analysis", "files", "calls"}, {"numpy"}),
    "files": ({"core", "analysis"}, {"numpy", "PIL"}),
    "calls": ({"core", "analysis", "search", "files"}, {"numpy", "onnx", "onnxruntime"}),
    "show": (
        {"core", "analysis", "search", "measure", "calls"},
        {"numpy", "rich", "matplotlib", "PIL"},
    ),
    "page": ({"core", "analysis", "show"}, {"numpy", "PIL"}),
    "serve": ({"analysis", "page"}, set()),
    "cli": (
        {"core", "analysis", "search", "measure", "files", "calls", "show", "page", "serve"},
        {"numpy", "click", "matplotlib"},
    ),
}
# Package in `show` → the others there that it may import. Only figures import Matplotlib.
IN_SHOW: dict[str, set[str]] = {
    "document": set(),
    "figures": {"document"},
}

# Packages of which only one part may import others: measuring itself knows no files.
PARTS = {"measure": ("targets", {"files", "calls"})}


def test_every_package_is_listed() -> None:
    folders = {path.name for path in PACKAGE.iterdir() if path.is_dir()}
    assert folders - {"__pycache__"} == {*ALLOWED}
    modules = {path.stem for path in PACKAGE.glob("*.py")}
    assert modules == COMMON | {"__init__", "__main__"}


@pytest.mark.parametrize("package", ALLOWED)
def test_imports_point_inward(package: str) -> None:
    packages, libraries = ALLOWED[package]
    for path in modules_of(package):
        for module in imported(path):
            root, *rest = module.split(".")
            if root == OWN:
                assert not rest or rest[0] in packages | COMMON | {package}, (path.name, module)
            else:
                assert root in sys.stdlib_module_names | libraries, (path.name, module)


def test_every_permission_is_used() -> None:
    assert packages() == {package: others for package, (others, _) in ALLOWED.items()}


def test_arrows_leave_out_imports_that_follow_from_others() -> None:
    assert arrows({"a": set(), "b": {"a"}, "c": {"a", "b"}}) == [("c", "b"), ("b", "a")]


def architecture_rows(first: str) -> list[list[str]]:
    """Return the cells of a table of docs/architecture.md, which is found by its first heading."""
    text = (PACKAGE.parent / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = text.partition(f"\n| {first} |")[2].partition("\n\n")[0]
    return [line.strip("| ").split(" | ") for line in table.splitlines()[2:]]


def test_the_page_lists_the_imports_of_each_package() -> None:
    listed: dict[str, set[str]] = {package: set() for package in ALLOWED}
    for name, _, imports in architecture_rows("package"):
        package = name.strip("`").split("/")[0]
        words = {*ALLOWED} if imports == "all" else {*re.findall(r"`(\w+)`", imports)}
        listed[package] |= words - {package}
    assert listed == packages()


def test_the_page_lists_every_module_of_a_search() -> None:
    named = [name for row in architecture_rows("module") for name in re.findall(r"\w+\.py", row[0])]
    assert sorted(named) == [path.name for path in modules_of("search") if path.stem != "__init__"]


@pytest.mark.parametrize("package", PARTS)
def test_only_one_part_imports_more(package: str) -> None:
    part, more = PARTS[package]
    for path in modules_of(package):
        if path.relative_to(PACKAGE / package).parts[0] != part:
            own = {module.split(".")[1] for module in imported(path) if f"{OWN}." in module}
            assert not own & more, path.name


@pytest.mark.parametrize("name", sorted(COMMON))
def test_what_everything_imports_imports_nothing_else(name: str) -> None:
    for module in imported(PACKAGE / f"{name}.py"):
        root, *rest = module.split(".")
        assert root in sys.stdlib_module_names or (root == OWN and rest[0] in COMMON), module


@pytest.mark.parametrize("package", IN_SHOW)
def test_the_packages_in_show_are_apart(package: str) -> None:
    for path in modules_of(f"show/{package}"):
        for module in imported(path):
            _, *rest = module.split(".")
            if module.startswith(f"{OWN}.show.") and rest[1] in IN_SHOW:
                assert rest[1] in IN_SHOW[package] | {package}, (path.name, module)
            assert package == "figures" or not module.startswith("matplotlib"), (path.name, module)
