"""The npm packages that check the page: `npm ci --prefix .ci/web` installs them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

CONFIGURATION = Path(__file__).parents[1] / ".ci" / "web" / "tsconfig.json"
NODE_MODULES = Path(
    os.environ.get("ROIALIGN_NODE_MODULES", CONFIGURATION.parent / "node_modules")
).absolute()
needs_node_packages = pytest.mark.skipif(
    not NODE_MODULES.is_dir() and "ROIALIGN_NODE_MODULES" not in os.environ,
    reason="the npm packages of .ci/web are not installed",
)
