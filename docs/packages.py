"""The imports of the project's modules, and the picture of its packages in docs/architecture.md."""

from __future__ import annotations

import ast
import functools
import re
from pathlib import Path

import roialign_cli

OWN = "roialign_cli"
PACKAGE = Path(roialign_cli.__file__).parent


@functools.cache
def imported(path: Path) -> frozenset[str]:
    """Return the modules that a module imports anywhere in it."""
    modules: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                raise ValueError(f"{path}: imports must be absolute")
            modules.add(node.module or "")
            if node.module == OWN:
                names = (alias.name for alias in node.names)
                modules |= {f"{OWN}.{name}" for name in names if (PACKAGE / name).is_dir()}
    return frozenset(modules)


def modules_of(package: str) -> list[Path]:
    """Return the paths of all modules of a package."""
    return sorted((PACKAGE / package).rglob("*.py"))


def packages() -> dict[str, set[str]]:
    """Return each package → the other packages of the project that its modules import."""
    names = {path.name for path in PACKAGE.iterdir() if [*path.glob("*.py")]}
    found = {}
    for name in sorted(names):
        modules = set[str]().union(*map(imported, modules_of(name)))
        own = (module.split(".") for module in modules if module.startswith(f"{OWN}."))
        found[name] = {package for _, package, *_ in own} & names - {name}
    return found


def arrows(graph: dict[str, set[str]]) -> list[tuple[str, str]]:
    """Return the imports that do not follow from others, those of the outer packages first."""
    below: dict[str, set[str]] = {}  # all packages that a package imports, over any number of steps

    def reached(name: str) -> set[str]:
        if name not in below:
            below[name] = graph[name].union(*map(reached, graph[name]))
        return below[name]

    return [
        (name, other)
        for name in sorted(graph, key=lambda name: (-len(reached(name)), name))
        for other in sorted(graph[name])
        if not any(other in reached(between) for between in graph[name])
    ]


def architecture() -> str:
    """Return docs/architecture.md with the current picture of the packages."""
    text = (Path(__file__).parent / "architecture.md").read_text(encoding="utf-8")
    lines = [f"    {one} --> {other}" for one, other in arrows(packages())]
    picture = "\n".join(["```mermaid", _SPACING, "flowchart TD", *lines, "```"])
    return re.sub(r"```mermaid\n.*?```", picture, text, flags=re.DOTALL)


_SPACING = '%%{init: {"flowchart": {"rankSpacing": 24, "padding": 6}}}%%'  # boxes and layers
