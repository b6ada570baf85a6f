"""Feature maps as arrays of any kind, and images as a viewer shows them."""

from __future__ import annotations

import csv
import io
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays as hypothesis_arrays
from PIL import Image

from roialign_cli.cli.main import main
from roialign_cli.errors import ArgumentError, FileError
from roialign_cli.files import arrays, text_map
from roialign_cli.files.features import FeatureFile, read_features
from tests.bad_files import deep_png, deep_tiff

PIXELS = np.random.default_rng(1).integers(0, 256, (9, 12, 3), dtype=np.uint8)


def saved(tmp_path: Path, picture: Image.Image, kind: str = "png", **options: Any) -> FeatureFile:
    path = tmp_path / f"picture.{kind}"
    picture.save(path, **options)
    return read_features(str(path))


def planes(file: FeatureFile) -> Any:
    """Return the features of an image as (H, W, C)."""
    return file.array[0].transpose(1, 2, 0)


@pytest.mark.parametrize("dtype", ["?", "i1", "u2", ">i4", "i8", "f2", ">f4", "f8"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_every_dtype_and_order_is_read(dtype: str, order: Any, tmp_path: Path) -> None:
    numbers = np.asarray(np.arange(48).reshape(3, 4, 4) % 2, dtype, order=order)
    np.save(tmp_path / "map.npy", numbers)
    file = read_features(str(tmp_path / "map.npy"))
    np.testing.assert_array_equal(file.array[0], numbers)
    assert file.array.dtype == numbers.dtype


@pytest.mark.parametrize(
    ("shape", "nchw", "remark"),
    [
        ((5, 7), (1, 1, 5, 7), ()),
        ((3, 20, 30), (1, 3, 20, 30), ()),
        ((256, 50, 76), (1, 256, 50, 76), ()),
        ((2, 4, 4), (1, 2, 4, 4), ()),
        ((200, 300, 3), (1, 3, 200, 300), ("layout HWC guessed",)),
        ((40, 50, 1), (1, 1, 40, 50), ("layout HWC guessed",)),
        ((2, 64, 80, 90), (2, 64, 80, 90), ()),
        ((2, 80, 90, 3), (2, 3, 80, 90), ("layout NHWC guessed",)),
    ],
)
def test_the_layout_is_guessed_and_said(
    shape: tuple[int, ...], nchw: tuple[int, ...], remark: tuple[str, ...], tmp_path: Path
) -> None:
    np.save(tmp_path / "map.npy", np.zeros(shape, np.float32))
    file = read_features(str(tmp_path / "map.npy"))
    assert (file.array.shape, file.remarks) == (nchw, remark)


@pytest.mark.parametrize("shape", [(3, 12, 3), (16, 16, 4), (2, 8, 8, 4), (8, 8, 1)])
def test_two_likely_layouts_are_both_named(shape: tuple[int, ...], tmp_path: Path) -> None:
    np.save(tmp_path / "map.npy", np.zeros(shape, np.float32))
    if shape == (3, 12, 3):  # too small for a picture
        assert read_features(str(tmp_path / "map.npy")).array.shape == (1, 3, 12, 3)
        return
    with pytest.raises(ArgumentError, match=r"may be N?CHW or N?HWC; choose one of the two"):
        read_features(str(tmp_path / "map.npy"))


TYPED = [[0.1, -2, 3e4], [np.nan, np.inf, -np.inf]]


@pytest.mark.parametrize(
    "content",
    [
        "0.1,-2,3e4\nnan,inf,-inf\n",
        "0.1, -2, 3e4\r\n\r\nNaN, Infinity, -Inf",
        "0.1;-2;3e4\nnan;inf;-inf\n",
        "0.1\t-2\t3e4\nnan\tinf\t-inf\n",
        "  0.1 -2   3e4\n  nan inf  -inf\n\n",
        "# a map\n\n0.1 -2 3e4  # its top row\nnan inf -inf",
        "\ufeff0.1,-2,3e4\nnan,inf,-inf\n",
        "\ufeff# a, map\r\n0.1\t-2\t3e4\r\nnan\tinf\t-inf\r\n",
        '"0.1","-2","3e4"\n"nan","inf","-inf"\n',
        "0.1,-2,3e4\rnan,inf,-inf\r",
    ],
)
@pytest.mark.parametrize("name", ["map.csv", "map.txt", "MAP.TSV", "map", "map.dat"])
def test_a_map_is_read_from_text(content: str, name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(content.encode())
    file = read_features(str(path))
    np.testing.assert_array_equal(file.array, [[TYPED]])
    assert (str(file.array.dtype), file.title) == ("float64", str(path))
    assert file.image is None
    assert file.stride is None


NUMBER_TABLES = hypothesis_arrays(
    np.float64, st.tuples(st.integers(1, 6), st.integers(1, 6)), elements=st.floats()
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(NUMBER_TABLES, st.sampled_from([",", ";", "\t", " ", ", ", "  "]))
def test_a_map_written_by_numpy_is_read_as_it_was(
    tmp_path: Path, numbers: Any, delimiter: str
) -> None:
    path = tmp_path / "map.txt"
    np.savetxt(path, numbers, delimiter=delimiter, header="a map, as text")
    np.testing.assert_array_equal(read_features(str(path)).array, numbers[None, None])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(NUMBER_TABLES, st.sampled_from([",", ";", "\t"]), st.sampled_from(["\n", "\r\n"]))
@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
def test_a_map_written_as_csv_is_read_as_it_was(
    tmp_path: Path, quoting: Any, numbers: Any, delimiter: str, newline: str
) -> None:
    path = tmp_path / "map.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file, delimiter=delimiter, quoting=quoting, lineterminator=newline)
        writer.writerows(numbers.tolist())
    np.testing.assert_array_equal(read_features(str(path)).array, numbers[None, None])


def test_text_on_standard_input_is_a_map(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"1,2\n3,4\n")))
    np.testing.assert_array_equal(read_features("-").array, [[[[1, 2], [3, 4]]]])


def test_an_image_with_the_suffix_of_text_is_an_image(tmp_path: Path) -> None:
    path = tmp_path / "picture.txt"
    Image.fromarray(PIXELS).save(path, "png")
    np.testing.assert_array_equal(planes(read_features(str(path))), PIXELS)


def test_long_text_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "map.csv"
    path.write_text("1,2\n" * 9)
    monkeypatch.setattr(text_map, "_MAX_TEXT_BYTES", 35)
    with pytest.raises(FileError, match="is text of more than 0 MiB; save the map with"):
        read_features(str(path))
    monkeypatch.setattr(text_map, "_MAX_TEXT_BYTES", 36)
    assert read_features(str(path)).array.shape == (1, 1, 9, 2)


def test_text_is_used_as_an_array_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    numbers = np.round(np.random.default_rng(3).random((6, 8)), 2)
    np.savetxt("map.csv", numbers, fmt="%g", delimiter=",")
    np.save("map.npy", numbers)
    for options in ([], ["--layout", "HW"], ["--stride", "4"]):
        call = ["--box", "4,8,8,8" if "--stride" in options else "1,2,2,2", *options]
        for name in ("map.csv", "map.npy"):
            assert main(["run", name, *call, "-o", f"{name}.out.npy"]) == 0
        np.testing.assert_array_equal(np.load("map.csv.out.npy"), np.load("map.npy.out.npy"))
        (tmp_path / "map.csv.out.npy").unlink()
        (tmp_path / "map.npy.out.npy").unlink()
    capfd.readouterr()
    assert main(["run", "map.csv", "--box", "1,2,2,2"]) == 0
    assert capfd.readouterr().out.startswith("map.csv: 1 × 1 × 6 × 8 float64, ")


def test_a_palette_is_its_colours(tmp_path: Path) -> None:
    palette = Image.fromarray(PIXELS).quantize(256)
    file = saved(tmp_path, palette)
    np.testing.assert_array_equal(planes(file), np.asarray(palette.convert("RGB")))


def test_transparent_parts_are_white(tmp_path: Path) -> None:
    clear = np.dstack([PIXELS, np.full((9, 12), 255, np.uint8)])
    clear[:4, :, 3] = 0
    file = saved(tmp_path, Image.fromarray(clear))
    assert (planes(file)[:4] == 255).all()
    np.testing.assert_array_equal(planes(file)[4:], PIXELS[4:])
    assert file.remarks == ("transparent parts over white",)
    clear[..., 3] = 255
    opaque = saved(tmp_path, Image.fromarray(clear))
    np.testing.assert_array_equal(planes(opaque), PIXELS)
    assert opaque.remarks == ()


def test_sixteen_bits_stay(tmp_path: Path) -> None:
    deep = np.arange(108, dtype=np.uint16).reshape(9, 12) * 600
    file = saved(tmp_path, Image.fromarray(deep))
    np.testing.assert_array_equal(planes(file)[..., 0], deep)
    assert file.image is not None
    assert str(file.image.dtype) == "uint8"
    assert (file.image.min(), file.image.max()) == (0, 255)


DEEP = np.random.default_rng(2).integers(0, 1 << 16, (5, 7, 3))


@pytest.mark.parametrize(
    "content",
    [deep_png(DEEP), deep_tiff(DEEP), b"P6 7 5 65535\n" + DEEP.astype(">u2").tobytes()],
    ids=["png", "tiff", "ppm"],
)
def test_colours_of_sixteen_bits_are_cut_and_said_so(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "deep"
    path.write_bytes(content)
    file = read_features(str(path))
    np.testing.assert_allclose(planes(file), DEEP / 257, atol=1)
    said = "16 bits per channel reduced to 8 by the reader"
    assert file.title == f"{path} (7 × 5 pixels, {said})"


@pytest.mark.parametrize("kind", ["png", "tif", "ppm", "webp", "gif", "jpg", "bmp"])
def test_of_eight_bits_nothing_is_cut(kind: str, tmp_path: Path) -> None:
    assert saved(tmp_path, Image.fromarray(PIXELS), kind).remarks == ()


def test_cmyk_is_turned_into_colours(tmp_path: Path) -> None:
    file = saved(tmp_path, Image.new("CMYK", (12, 9), (0, 255, 255, 0)), "tif")
    assert planes(file)[0, 0].tolist() == [255, 0, 0]
    assert file.remarks == ("from CMYK",)


@pytest.mark.parametrize(("orientation", "turned"), [(3, 2), (6, -1), (8, 1)])
def test_a_picture_is_turned_as_its_exif_says(
    orientation: int, turned: int, tmp_path: Path
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = saved(tmp_path, Image.fromarray(PIXELS), exif=exif)
    np.testing.assert_array_equal(planes(file), np.rot90(PIXELS, turned))
    assert file.remarks == ("turned as its EXIF data says",)


def test_the_first_frame_is_taken(tmp_path: Path) -> None:
    frames = [Image.new("L", (12, 9), shade) for shade in (10, 200)]
    file = saved(tmp_path, frames[0], "gif", save_all=True, append_images=frames[1:])
    assert (planes(file) == 10).all()
    assert file.title.endswith("(12 × 9 pixels, the first of 2 frames)")


def test_a_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 50)
    with pytest.raises(FileError, match="is an image too large to unpack safely"):
        saved(tmp_path, Image.fromarray(PIXELS))
    # Of half as many Pillow only warns.
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 80)
    with pytest.raises(FileError, match="is an image too large to unpack safely"):
        saved(tmp_path, Image.fromarray(PIXELS))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 108)
    assert saved(tmp_path, Image.fromarray(PIXELS)).array.shape == (1, 3, 9, 12)


def test_a_picture_that_promises_more_than_it_can_hold_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "short.ppm"
    path.write_bytes(b"P6 8000 8000 255\n" + b"\0" * 60)
    with pytest.raises(FileError, match="64000000 pixels are announced in 77 bytes"):
        read_features(str(path))


@pytest.mark.parametrize("mapped", [False, True])
def test_a_file_that_changes_meanwhile_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, mapped: bool
) -> None:
    path = tmp_path / "map.npy"
    np.save(path, np.zeros((9, 9)))
    if mapped:
        monkeypatch.setattr(arrays, "_MAX_LOADED_BYTES", 0)
        file = read_features(str(path))
        os.utime(path, ns=(1, 1))
        with pytest.raises(FileError, match="was changed while it was being read"):
            file.check_unchanged()
        return
    load = np.load

    def meddle(*args: Any, **options: Any) -> Any:
        os.utime(path, ns=(1, 1))
        return load(*args, **options)

    monkeypatch.setattr(np, "load", meddle)
    with pytest.raises(FileError, match="was changed while it was being read"):
        read_features(str(path))


def test_standard_input_that_is_no_array_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"nothing of the kind")))
    with pytest.raises(FileError, match=r"-: is not a \.npy, \.npz, text or image file"):
        read_features("-")


def test_a_name_that_is_no_text_can_be_told_of(tmp_path: Path) -> None:
    path = os.fsdecode(os.fsencode(tmp_path) + b"/\xff.npy")
    np.save(path, np.eye(4))
    for output in ("roi.html", "roi.md", "roi.json", "roi.txt", "roi.svg"):
        command = "plot" if output.endswith("svg") else "explain"
        call = [command, path, "--box", "1,3,2,2", "-o", str(tmp_path / output)]
        assert main(call) == 0
    assert "\\udcff.npy" in (tmp_path / "roi.html").read_text(encoding="utf-8")
