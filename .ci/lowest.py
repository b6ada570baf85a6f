"""Print the lowest versions that pyproject.toml allows to run and test with, one a line, pinned."""

import tomllib
from pathlib import Path

project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
for requirement in project["dependencies"] + project["optional-dependencies"]["test"]:
    name, bound, version = requirement.partition(">=")
    if not bound:
        raise SystemExit(f"{requirement}: has no lowest version")
    print(f"{name}=={version}")
