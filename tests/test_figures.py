from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure

from roialign_cli.analysis.trace import trace
from roialign_cli.cli.main import main
from roialign_cli.errors import ArgumentError
from roialign_cli.show.figures.overlay import overlay_figure
from roialign_cli.show.figures.saving import check_suffix, save_figure
from roialign_cli.show.figures.sections import sections_figure
from roialign_cli.show.figures.style import FigureStyle
from tests.figure_cases import walkthrough

OTHER_SETTINGS: dict[Any, Any] = {"font.size": 20, "axes.facecolor": "red", "svg.hashsalt": "other"}


@pytest.fixture(scope="module")
def twins() -> tuple[Figure, Figure]:
    """Return the same figure drawn twice, the second time under other settings."""
    traced = trace(np.eye(4), [[1, 3, 2, 1]], 2, convention="walkthrough")
    first = sections_figure(traced, style=FigureStyle(4))
    with mpl.rc_context(OTHER_SETTINGS):
        return first, sections_figure(traced, style=FigureStyle(4))


def saved(figure: Figure, kind: str) -> bytes:
    file = BytesIO()
    save_figure(figure, file, kind, dpi=60)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["png", "svg", pytest.param("pdf", marks=pytest.mark.thorough)])
def test_saving_twice_gives_the_same_bytes(kind: str, twins: tuple[Figure, Figure]) -> None:
    first, second = twins
    once = saved(first, kind)
    assert saved(first, kind) == once
    with mpl.rc_context(OTHER_SETTINGS):
        assert saved(second, kind) == once


@pytest.mark.parametrize("name", ["a.png", "b.c.svg", "D.PDF"])
def test_the_suffix_names_the_kind(name: str) -> None:
    assert check_suffix(Path(name)) == name[-3:].lower()


@pytest.mark.parametrize("name", ["out.jpg", "out", "out.png.txt"])
def test_other_suffixes_are_refused(name: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        check_suffix(Path("folder") / name)
    assert caught.value.argument == "output"
    assert (
        caught.value.problem
        == f"{Path('folder') / name} has an unknown suffix; use .png, .svg or .pdf"
    )


def test_a_failed_save_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Figure, "savefig", full)
    np.save("map.npy", np.eye(4))
    Path("out.png").write_bytes(b"before")
    assert main(["plot", "map.npy", "--box", "1,2,1,1", "-o", "out.png", "--force"]) == 2
    message = "roialign: out.png: cannot be written: No space left on device\n"
    assert capfd.readouterr().err == message
    assert Path("out.png").read_bytes() == b"before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["map.npy", "out.png"]


def test_matplotlibs_settings_are_left_alone() -> None:
    before = dict(mpl.rcParams)
    saved(overlay_figure([walkthrough()], None), "svg")
    assert dict(mpl.rcParams) == before
