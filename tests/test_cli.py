"""The commands, as a user runs them."""

from __future__ import annotations

import csv
import io
import json
import os
import shlex
import subprocess
import sys
import sysconfig
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from roialign_cli import PRESETS, Convention, compare, identify, roi_align, trace
from roialign_cli.cli.demo import sample_data
from roialign_cli.cli.main import COMMANDS, main
from roialign_cli.cli.option_types import SCALE
from roialign_cli.cli.plot_views import VIEWS
from roialign_cli.core.presets import ALIASES

SAMPLES = sample_data()
WALKTHROUGH = f"{SAMPLES}/walkthrough.npy"
BOX = ["--box", "9.25,10,6.25,4.53"]
ASTRONAUT = [
    f"{SAMPLES}/astronaut.png",
    *("--stride", "32", "--preset", "torchvision-aligned"),
    *("--boxes", f"{SAMPLES}/astronaut.csv"),
]

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("ROIALIGN_PRESET", raising=False)


def run(*arguments: str, capture: Capture) -> str:
    assert main(arguments) == 0, capture.readouterr().err
    return capture.readouterr().out


def test_run_prints_the_output(capfd: Capture) -> None:
    out = run("run", WALKTHROUGH, *BOX, capture=capfd)
    assert "16 × 16 float32, values 0 to 1; convention walkthrough (default for arrays), max" in out
    assert "boxes read as xywh, origin bottom-left (from the preset)" in out
    assert "ROI 0: top-left (9.25, 10), 6.25 × 4.53 cells" in out
    rows = [line.split() for line in out.splitlines() if line.startswith("j=")]
    # (9.94, 9.5) … give 0.5132 with a height of 4.53, as with 4.53125
    assert rows[0] == ["j=1", "0.5132", "0.6440", "0.8721"]
    assert [len(row) for row in rows] == [4, 4, 4]


def test_run_without_a_terminal_has_no_colour_and_fits(capfd: Capture) -> None:
    out = run("run", WALKTHROUGH, *BOX, "--output-size", "14", capture=capfd)
    assert "\x1b" not in out
    assert max(map(len, out.splitlines()[1:])) <= 80
    assert sum(line.startswith("j=14") for line in out.splitlines()) == 2
    assert "…" not in out


def test_run_of_an_image_writes_what_the_api_returns(capfd: Capture) -> None:
    run("run", *ASTRONAUT, "--output-size", "7", "-o", "faces.npy", capture=capfd)
    pixels = np.asarray(Image.open(SAMPLES / "astronaut.png")).astype(np.float64)
    blocks = pixels.reshape(16, 32, 16, 32, 3).mean(axis=(1, 3)).transpose(2, 0, 1)
    boxes = [[170, 70, 272, 190], [132, 346, 210, 424], [277, 344, 510, 512]]
    expected = roi_align(blocks, boxes, 7, convention="torchvision-aligned", spatial_scale=1 / 32)
    written = np.load("faces.npy")
    assert written.dtype == np.float32
    np.testing.assert_allclose(written, expected, rtol=1e-5)


def test_run_writes_the_same_numbers_in_every_format(capfd: Capture) -> None:
    for suffix in ("npy", "npz", "csv", "json"):
        run("run", *ASTRONAUT, "--output-size", "2x3", "-o", f"out.{suffix}", capture=capfd)
    expected = np.load("out.npy")
    assert expected.shape == (3, 3, 2, 3)
    with np.load("out.npz") as archive:
        np.testing.assert_array_equal(archive["output"], expected)
        assert archive["labels"].tolist() == ["face", "patch", "helmet"]
        assert archive["boxes"].shape == (3, 4)
        assert json.loads(str(archive["parameters"]))["preset"] == "torchvision-aligned"
    rows = list(csv.DictReader(io.StringIO(Path("out.csv").read_text(encoding="utf-8"))))
    values = np.zeros_like(expected)
    for row in rows:
        at = int(row["roi"]), int(row["channel"]), int(row["j"]) - 1, int(row["i"]) - 1
        values[at] = float(row["value"])
    np.testing.assert_array_equal(values, expected)
    record = json.loads(Path("out.json").read_text(encoding="utf-8"))
    assert [roi["label"] for roi in record["rois"]] == ["face", "patch", "helmet"]
    recorded = np.array([roi["output"] for roi in record["rois"]], np.float32)
    np.testing.assert_array_equal(recorded, expected)


def test_run_prints_csv_and_json(capfd: Capture) -> None:
    text = run("run", WALKTHROUGH, *BOX, "--format", "csv", capture=capfd)
    assert text.splitlines()[0] == "roi,label,score,batch,channel,i,j,value"
    assert len(text.splitlines()) == 10
    record = json.loads(run("run", WALKTHROUGH, *BOX, "--format", "json", capture=capfd))
    assert record["rois"][0]["output"][0][0][0] == pytest.approx(0.51324, abs=1e-5)


def test_run_summarises_many_outputs(capfd: Capture) -> None:
    out = run("run", *ASTRONAUT, capture=capfd)
    assert sum("helmet" in line for line in out.splitlines()) == 3
    assert "Select one box or --channel C to print values" in out
    assert "…" not in out


def test_explain_prints_the_steps(capfd: Capture) -> None:
    out = run(
        "explain", WALKTHROUGH, "--image-size", "512x512", "--box", "296,320,200,145",
        "--section", "1,1", capture=capfd,
    )  # fmt: skip
    for line in (
        "sub-sampling ratio = 512 / 16 = 32",
        "left   = 296 / 32 = 9.25",
        "height = 145 / 32 = 4.53125",
        "point (2, 1)  x = 9.25 + (6.25/3)·(1 − 1) + (6.25/9)·2 = 10.6389 → 10.64",
        "P = (9.5 − 8.5)/(9.5 − 8.5) · [ (10.5 − 9.94)/(10.5 − 9.5)·0.1",
        "= 0.144",
        "section (1, 1): max(0.144, 0.214, 0.5132, 0.4333) = 0.5132, point (1, 2)",
        "without rounding: 0.5106",
    ):
        assert line in out
    assert max(map(len, out.splitlines())) <= 80


def test_explain_narrows_to_a_point(capfd: Capture) -> None:
    out = run("explain", WALKTHROUGH, *BOX, "--section", "2,3", "--point", "2,2", capture=capfd)
    assert "point (2, 2) at (12.72, 5.97)" in out
    assert "point (1, 1) at" not in out


def test_explain_json_is_the_documented_object(capfd: Capture) -> None:
    out = run("explain", WALKTHROUGH, *BOX, "--format", "json", capture=capfd)
    record = json.loads(out)
    assert list(record) == [
        "version", "preset", "convention", "frame", "feature_map", "box", "roi", "section_size",
        "sections", "output", "roi_pool", "notes",
    ]  # fmt: skip
    assert record["frame"] == {"origin": "bottom-left"}
    assert record["feature_map"] == {"height": 16, "width": 16, "channels": 1, "channel": 0}
    first = record["sections"][0]["points"][0]
    assert (first["x"], first["y"], first["in_bounds"]) == (9.94, 9.5, True)
    assert {"x": 9.5, "y": 9.5, "row": 6, "column": 9}.items() <= first["neighbours"][0].items()
    traced = trace(np.load(WALKTHROUGH), [9.25, 10, 6.25, 4.53], 3, convention="walkthrough")
    assert record["output"] == [list(row) for row in traced.output]


SUFFIXES = ("png", "svg", "pdf")
# By default three views are written, each in one format.
QUICK = {("sections", "png"), ("output", "svg"), ("point", "pdf")}
PICTURES = [
    pytest.param(*case, marks=() if case in QUICK else pytest.mark.thorough)
    for case in product(VIEWS, SUFFIXES)
]


@pytest.mark.parametrize(("view", "suffix"), PICTURES)
def test_plot_writes_a_picture(view: str, suffix: str, capfd: Capture) -> None:
    other = ["--with", "torchvision"] if view == "compare" else []
    run("plot", *ASTRONAUT, "--view", view, *other, "-o", f"picture.{suffix}", capture=capfd)
    magic = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}[suffix]
    assert Path(f"picture.{suffix}").read_bytes().startswith(magic)


def test_all_channels_can_be_combined(capfd: Capture) -> None:
    options = [*ASTRONAUT, "--output-size", "1", "--channel", "norm"]
    explained = run("explain", *options, capture=capfd)
    assert "norm of 3 channels" in " ".join(explained.split())
    assert (
        json.loads(run("explain", *options, "--format", "json", capture=capfd))["feature_map"][
            "channel"
        ]
        == "norm"
    )
    run("plot", *options, "-o", "norm.svg", capture=capfd)
    assert main(["explain", *ASTRONAUT, "--channel", "median"]) == 2
    assert "use a channel index from 0, mean, max or norm" in capfd.readouterr().err


def test_demo_runs_everything_and_does_not_overwrite(
    capfd: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = run("demo", capture=capfd)
    shown = [line for line in out.splitlines() if line.startswith("$ roialign ")]
    assert [line.split()[2] for line in shown] == [
        "run", "explain", "explain", "plot", "plot", "run", "plot", "identify", "compare",
        "compare", "explain", "plot", "explore",
    ]  # fmt: skip
    made = {path.name for path in Path("roialign-demo").iterdir()}
    pictures = {"steps.png", "sections.png", "overlay.png", "roi.html"}
    assert made >= {"walkthrough.npy", "README.md", "faces.npy", *pictures}
    assert main(["demo"]) == 2
    assert "--force" in capfd.readouterr().err
    # One command that writes a file shows whether --force reaches it.
    monkeypatch.setattr("roialign_cli.cli.demo._COMMANDS", ("run {dir}/walkthrough.npy "
                        "--box 9.25,10,6.25,4.53 -o {dir}/faces.npy",))  # fmt: skip
    run("demo", "--force", capture=capfd)


@pytest.mark.thorough
def test_demo_overwrites_all_its_files_with_force(capfd: Capture) -> None:
    run("demo", capture=capfd)
    run("demo", "--force", capture=capfd)


def test_the_preset_comes_from_the_environment(
    capfd: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROIALIGN_PRESET", "torchvision")
    out = run("run", WALKTHROUGH, "--box", "1,1,9,9", capture=capfd)
    assert "convention torchvision, avg, 7 × 7 sections (from the preset); boxes read as" in out


def test_a_header_says_what_the_columns_are(capfd: Capture) -> None:
    Path("boxes.csv").write_text("w,h,label,x,y\n6.25,4.53,the box,9.25,10\n", encoding="utf-8")
    named = run("run", WALKTHROUGH, "--boxes", "boxes.csv", "--format", "json", capture=capfd)
    direct = run("run", WALKTHROUGH, *BOX, "--format", "json", capture=capfd)
    roi = json.loads(named)["rois"][0]
    assert roi["label"] == "the box"
    assert roi["output"] == json.loads(direct)["rois"][0]["output"]


def test_standard_input(monkeypatch: pytest.MonkeyPatch, capfd: Capture) -> None:
    content = io.TextIOWrapper(io.BytesIO(Path(WALKTHROUGH).read_bytes()))
    monkeypatch.setattr(sys, "stdin", content)
    assert "-: 1 × 1 × 16 × 16" in run("run", "-", *BOX, capture=capfd)


@pytest.mark.parametrize("layout", ["CHW", "HWC", "NCHW", "NHWC"])
def test_layouts(layout: str, capfd: Capture) -> None:
    features = np.arange(2 * 3 * 5, dtype=np.float32).reshape(2, 3, 5)  # C, H, W
    axes = {"C": 0, "H": 1, "W": 2}
    arranged = features.transpose([axes[a] for a in layout if a != "N"])
    np.save("map.npy", arranged[None] if "N" in layout else arranged)
    run("run", "map.npy", "--layout", layout, "--box", "1,2,2,2", "-o", "out.npy", capture=capfd)
    expected = roi_align(features, [1, 2, 2, 2], 3, convention="walkthrough")
    np.testing.assert_array_equal(np.load("out.npy"), expected)


def test_blocks_over_the_edge_average_what_is_there(capfd: Capture) -> None:
    pixels = np.arange(15, dtype=np.uint8).reshape(3, 5)
    Image.fromarray(pixels).save("grey.png")
    run(
        "run", "grey.png", "--stride", "2", "--preset", "torchvision-aligned",
        "--box", "4,2,6,4", "--output-size", "1", "-o", "out.npy", capture=capfd,
    )  # fmt: skip
    assert np.load("out.npy").item() == 14


@pytest.mark.parametrize(
    "command",
    [
        [sys.executable, "-W", "error", "-m", "roialign_cli"],
        [str(Path(sysconfig.get_path("scripts"), "roialign"))],
    ],
    ids=["module", "script"],
)
def test_the_command_is_installed_and_help_names_every_command(command: list[str]) -> None:
    environment = os.environ | {"NO_COLOR": "1"}
    shown = subprocess.run(
        [*command, "--help"],
        capture_output=True, check=True, env=environment, text=True,
    ).stdout  # fmt: skip
    assert all(f"  {name} " in shown for name in COMMANDS)


def test_a_closed_pipe_ends_quietly() -> None:
    command = [sys.executable, "-m", "roialign_cli", "explain", WALKTHROUGH, *BOX]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    process.wait()


def rules_of(name: str) -> Convention:
    return PRESETS[ALIASES.get(name, name)].convention


def one_channel(name: str) -> list[str]:
    """Return the options with which a preset pools a map of one channel."""
    return [] if rules_of(name).channel_map == "same" else ["--output-size", "1"]


@pytest.mark.parametrize("name", [*PRESETS, *ALIASES])
def test_every_preset_runs_and_explains(name: str, capfd: Capture) -> None:
    call = ["--preset", name, "--absolute", "--box", "2,4,6,9", *one_channel(name)]
    record = json.loads(run("run", WALKTHROUGH, *call, "--format", "json", capture=capfd))
    explained = run("explain", WALKTHROUGH, *call, "--format", "json", capture=capfd)
    np.testing.assert_allclose(
        json.loads(explained)["output"], record["rois"][0]["output"][0], rtol=1e-5
    )


# The preset's own output size has up to 49 sections to explain.
SIZES = [["--output-size", "2"], pytest.param([], marks=pytest.mark.thorough)]


@pytest.mark.parametrize("size", SIZES, ids=["2 × 2", "default size"])
@pytest.mark.parametrize("pooling", ["avg", "max"])
@pytest.mark.parametrize("name", [*PRESETS, *ALIASES])
def test_an_explanation_with_any_preset_fits_80_columns(
    name: str, pooling: str, size: list[str], capfd: Capture
) -> None:
    call = ["--preset", name, "--absolute", "--box", "2,4,6,9", *size, *one_channel(name)]
    call += ["--pooling", pooling]
    if pooling == "max" and rules_of(name).points == "integral":
        assert main(["explain", WALKTHROUGH, *call]) == 2
        assert "--pooling: integral weights have no maximum" in capfd.readouterr().err
        return
    text = run("explain", WALKTHROUGH, *call, capture=capfd)
    assert max(map(len, text.splitlines())) <= 80
    assert "…" not in text


def test_presets_are_shown_in_full(capfd: Capture) -> None:
    table = run("presets", capture=capfd)
    assert max(map(len, table.splitlines())) <= 80
    assert "…" not in table
    records = json.loads(run("presets", "--format", "json", capture=capfd))
    assert [record["name"] for record in records] == list(PRESETS)
    for name, row in PRESETS.items():
        assert f"  {name}" in table
        printed = run("presets", name, capture=capfd)
        assert row.source.split()[0] in printed
        assert row.evidence in printed
        assert json.loads(run("presets", name, "--format", "json", capture=capfd))["name"] == name
    assert "The same operator: torchvision-aligned" in run(
        "presets", "ncnn-1-aligned", capture=capfd
    )


@pytest.mark.parametrize(
    ("options", "fields"),
    [
        ("--pooling max", {"pooling": "max"}),
        ("--pooling max --max-of point-or-zero", {"pooling": "max", "max_start": 0.0}),
        ("--pooling max --max-of weighted-cell", {"pooling": "max", "max_of": "weighted-cell"}),
        ("--sampling-ratio 3", {"sampling_ratio": 3}),
        ("--points dividers --divide 4", {"points": "dividers", "divide": 4}),
        ("--offset 0.25", {"offset": 0.25}),
        ("--min-size 2", {"min_size": 2.0}),
        ("--extrapolation-value -3", {"extrapolation_value": -3.0}),
        ("--coordinate-decimals 1", {"coordinate_decimals": 1}),
        (
            "--set border_margin=0 --set tie_neighbour=both",
            {"border_margin": 0.0, "tie_neighbour": "both"},
        ),
        ("--set coordinates=double", {"coordinates": "double"}),
        ("--box-format xywh --origin bottom-left", {"box_format": "xywh", "origin": "bottom-left"}),
    ],
)
def test_every_field_can_be_overridden(
    options: str, fields: dict[str, object], capfd: Capture
) -> None:
    np.save("map.npy", np.random.default_rng(2).normal(size=(9, 9)).astype("f4"))
    call = ["--preset", "torchvision-aligned", "--box", "-3,1.3,4.7,8", "--output-size", "2x3"]
    run("run", "map.npy", *call, *options.split(), "-o", "out.npy", capture=capfd)
    changed = replace(PRESETS["torchvision-aligned"].convention, **fields)  # type: ignore[arg-type]
    features = np.load("map.npy")
    expected = roi_align(features, [-3, 1.3, 4.7, 8], (2, 3), convention=changed)
    np.testing.assert_array_equal(np.load("out.npy"), expected)


def test_box_readings_are_said_and_used(capfd: Capture) -> None:
    features = np.random.default_rng(3).random((2, 1, 8, 10), dtype=np.float32)
    np.save("maps.npy", features)
    out = run(
        "run", "maps.npy", "--preset", "tensorflow", "--box", "1,0.1,0.2,0.7,0.9", capture=capfd
    )
    assert "boxes read as yxyx normalised, origin top-left" in out
    Path("boxes.csv").write_text("batch,ymin,xmin,ymax,xmax\n1,.7,1.8,4.9,8.1\n", encoding="utf-8")
    run(
        "run", "maps.npy", "--preset", "tensorflow", "--absolute", "--boxes", "boxes.csv",
        "-o", "out.npy", capture=capfd,
    )  # fmt: skip
    expected = roi_align(features, [[1, 0.7 / 7, 0.2, 0.7, 0.9]], 7, convention="tensorflow")
    np.testing.assert_allclose(np.load("out.npy"), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("written", "scale"),
    [
        ("1/14", (1 / 14, 1 / 14)),
        ("1./16.", (1 / 16, 1 / 16)),
        ("1/16,1/8", (1 / 16, 1 / 8)),
        ("0.25, 3/4", (0.25, 0.75)),
    ],
)
def test_a_scale_may_be_a_fraction(written: str, scale: tuple[float, float]) -> None:
    converted = SCALE.convert(written, None, None)
    assert (converted[0], converted[-1]) == scale


def test_a_scale_for_each_axis(capfd: Capture) -> None:
    features = np.random.default_rng(4).random((8, 10), dtype=np.float32)
    np.save("map.npy", features)
    call = ["--preset", "torchvision", "--output-size", "2"]
    whole = ["--spatial-scale", "1/2,0.25", "--box", "2,4,16,24", "-o", "scaled.npy"]
    run("run", "map.npy", *call, *whole, capture=capfd)
    run("run", "map.npy", *call, "--image-size", "20x32", *whole[2:5], "o.npy", capture=capfd)
    expected = roi_align(features, [1, 1, 8, 6], 2, convention="torchvision")
    np.testing.assert_array_equal(np.load("scaled.npy"), expected)
    np.testing.assert_array_equal(np.load("o.npy"), expected)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("roialign ex", ["explain", "explore"]),
        (
            "roialign run map.npy --preset torchv",
            [
                "torchvision",
                "torchvision-aligned",
                "torchvision-deterministic",
                "torchvision-deterministic-aligned",
            ],
        ),
        ("roialign plot map.npy --view o", ["overlay", "output"]),
        ("roialign run map.npy --box-format x", ["xyxy", "xywh"]),
        ("roialign compare map.npy --with paddle", ["paddle", "paddle-legacy"]),
    ],
)
def test_a_shell_completes(words: str, expected: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "roialign_cli"],
        env=os.environ
        | {
            "_ROIALIGN_COMPLETE": "bash_complete",
            "COMP_WORDS": words,
            "COMP_CWORD": str(len(words.split()) - 1),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert [line.partition(",")[2] for line in done.stdout.splitlines()] == expected


def test_results_print_in_python_as_the_commands_print_them(capfd: Capture) -> None:
    features = np.random.default_rng(5).normal(size=(2, 9, 12)).astype("f4")
    boxes = [[1.5, 2, 9, 8], [0, 3, 5, 7.5]]
    np.save("map.npy", features)
    np.save("boxes.npy", np.array(boxes))
    call = ["map.npy", "--boxes", "boxes.npy"]
    out = run("compare", *call, "--preset", "mmcv", "--with", "paddle-legacy", capture=capfd)
    comparison = compare(features, boxes, 7, convention="mmcv", other="paddle-legacy")
    assert str(comparison) == out.rstrip("\n")
    expected = roi_align(features, boxes, 3, convention="torchvision", sampling_ratio=2)
    np.save("out.npy", expected)
    found = identify(features, boxes, expected)
    printed = (
        run("identify", *call, "--expected", "out.npy", capture=capfd).rstrip("\n").splitlines()
    )
    assert [line for line in printed if not line.startswith("  roialign run")] == str(
        found
    ).splitlines()
    for result in (comparison, found):
        assert len(repr(result).splitlines()) == 1
        assert "torchvision" in repr(result) or "mmcv with paddle-legacy" in repr(result)


NARROW = {
    "run": ["run", *ASTRONAUT, "--output-size", "7"],
    "one output": ["run", WALKTHROUGH, *BOX, "--output-size", "9"],
    "explain": ["explain", WALKTHROUGH, *BOX, "--sketch"],
    "an average": ["explain", *ASTRONAUT, "--output-size", "1", "--sampling-ratio", "5"],
    "a cell": ["explain", *ASTRONAUT, "--cell", "3,6"],
    "compare": ["compare", *ASTRONAUT, "--with", "torchvision"],
    "identify": ["identify", *ASTRONAUT, "--expected", f"{SAMPLES}/exported.npy"],
    "presets": ["presets"],
    "a preset": ["presets", "openvino-half-pixel"],
    "pyramids": ["presets", "--pyramids"],
    "a pyramid": ["presets", "matterport", "--pyramids"],
}


@pytest.mark.parametrize("columns", [80, 40])
@pytest.mark.parametrize("call", NARROW.values(), ids=NARROW)
def test_everything_fits_a_narrow_terminal(
    call: list[str], columns: int, monkeypatch: pytest.MonkeyPatch, capfd: Capture
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    assert main(call) in {0, 1}
    lines = capfd.readouterr().out.splitlines()
    # What is meant to be copied is not broken, nor is the line that says what was read.
    kept = ("  roialign run", "  roi_align(", str(SAMPLES))
    assert [line for line in lines if len(line) > columns and not line.startswith(kept)] == []
    assert not any(mark in line for line in lines for mark in ("…", "\x1b"))
    assert not any(line.endswith(" ") for line in lines)


@pytest.mark.parametrize("name", PRESETS["mmcv"].convention.parameters())
def test_every_field_can_be_set_to_what_it_is(name: str, capfd: Capture) -> None:
    for preset in ("mmcv", "walkthrough"):
        value = PRESETS[preset].convention.parameters()[name]
        call = [WALKTHROUGH, "--preset", preset, "--box", "2,3,4,7", "--format", "json"]
        plain = json.loads(run("run", *call, capture=capfd))
        again = run("run", *call, "--set", f"{name}={str(value).lower()}", capture=capfd)
        assert json.loads(again) == plain
        if isinstance(value, bool) and preset == "mmcv":
            other = run("run", *call, "--set", f"{name}={str(not value).lower()}", capture=capfd)
            assert json.loads(other)["convention"][name] is not value


def test_the_identified_command_runs(capfd: Capture) -> None:
    features = np.random.default_rng(6).normal(size=(1, 12, 12)).astype("f4")
    np.save("map.npy", features)
    np.save("boxes.npy", np.array([[1.37, 2.11, 9.93, 8.21], [3.3, 1.7, 7.77, 9.9]]))
    rules = ["--preset", "torchvision-aligned", "--coordinate-decimals", "1"]
    call = ["map.npy", "--boxes", "boxes.npy"]
    run("run", *call, *rules, "--output-size", "4", "-o", "out.npy", capture=capfd)
    rules += ["--expected", "out.npy", "--format", "json"]
    printed = run("identify", *call, *rules, capture=capfd)
    words = shlex.split(json.loads(printed)["matches"][0]["command"])[1:]
    run(*words, "-o", "again.npy", capture=capfd)
    np.testing.assert_array_equal(np.load("again.npy"), np.load("out.npy"))


def test_labels_are_text_whatever_is_in_them(capfd: Capture) -> None:
    Path("boxes.csv").write_text("label,x1,y1,x2,y2\n[/bold],1,1,5,5\n[red]a,1,1,4,4\n")
    call = [WALKTHROUGH, "--boxes", "boxes.csv", "--preset", "torchvision-aligned"]
    for words in (["run", *call], ["compare", *call, "--with", "torchvision"],
                  ["explain", *call, "--cell", "3,3"]):  # fmt: skip
        assert "[/bold]" in run(*words, capture=capfd)
    assert "[red]a" in run("run", *call, capture=capfd)
