"""`roialign capture` without the packages that it needs."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from roialign_cli.cli.main import main


@pytest.mark.parametrize("package", ["onnx", "onnxruntime"])
def test_a_missing_package_is_named_with_the_command_that_installs_it(
    package: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setitem(sys.modules, package, None)  # so that an import fails
    path = tmp_path / "model.onnx"
    path.write_bytes(b"")
    inputs = ["--random", "-o", str(tmp_path / "calls")] if package == "onnxruntime" else []
    assert main(["capture", str(path), *inputs]) == 2
    assert capsys.readouterr().err == (
        f"roialign: the package {package} is needed to read a model; install it with `python -m "
        "pip install onnx onnxruntime`\n"
    )
