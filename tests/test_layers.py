"""Who may import whom: the core knows no file, no screen, no click."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

import roialign_cli

PACKAGE = Path(roialign_cli.__file__).parent
OWN = "roialign_cli"
CORE = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__", "__main__"}

# Layer → the parts of the package and the libraries that it may import.
ALLOWED = {
    "": (CORE, {"numpy"}),
    "files": (CORE | {"files"}, {"numpy", "PIL"}),
    "show": (CORE | {"show"}, {"numpy", "matplotlib", "rich", "PIL"}),
    "cli": (CORE | {"files", "show", "cli"}, {"numpy", "click", "matplotlib"}),
}
# What the core shows of itself in a Python session, asked for when it is shown.
REPL = "roialign_cli.show.repl"
SHOWN = {"tracing": {REPL}, "matching": {REPL}, "ways": {REPL}}


def imported(path: Path) -> set[str]:
    modules: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            modules.add(node.module or "")
    return modules


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda p: p.name)
def test_imports_point_inward(path: Path) -> None:
    layer = "" if path.parent == PACKAGE else path.parent.name
    if path.stem == "__main__":
        layer = "cli"
    own, libraries = ALLOWED[layer]
    for module in imported(path) - (SHOWN.get(path.stem, set()) if not layer else set()):
        root, _, rest = module.partition(".")
        if root == OWN:
            assert not rest or rest.split(".")[0] in own, module
        else:
            assert root in sys.stdlib_module_names | libraries, module
