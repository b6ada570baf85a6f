"""Files that are not what they should be."""

from __future__ import annotations

import base64
import io
import json
import pickle
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from roialign_cli import Call
from roialign_cli.calls.archive import write_call_into
from roialign_cli.calls.call import PyramidLevel


def npy(array: Any, **options: Any) -> bytes:
    """Return the bytes of a `.npy`."""
    file = io.BytesIO()
    np.save(file, array, **options)
    return file.getvalue()


def header(text: str, numbers: bytes = b"") -> bytes:
    """Return a `.npy` with this header, whatever it says."""
    padded = text.encode() + b" " * (-(10 + len(text) + 1) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(padded)) + padded + numbers


def zipped(members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    """Return a zip archive."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def picture(kind: str = "png", size: tuple[int, int] = (8, 8), mode: str = "RGB") -> bytes:
    """Return the bytes of an image."""
    file = io.BytesIO()
    Image.new(mode, size).save(file, kind)
    return file.getvalue()


def deep_png(pixels: Any) -> bytes:
    """Return a PNG of colours (H, W, 3) with 16 bits, which Pillow reads and does not write."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + checksum

    height, width, _ = pixels.shape
    header = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    image = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + image + chunk(b"IEND", b"")


def deep_tiff(pixels: Any, *, planar: bool = False) -> bytes:
    """Return a TIFF of colours (H, W, 3) with 16 bits, interleaved or channel by channel."""
    height, width, channels = pixels.shape
    planes = np.moveaxis(pixels, 2, 0) if planar else pixels[None]
    strips = [plane.astype("<u2").tobytes() for plane in planes]
    starts = [8 + n * len(strips[0]) for n in range(len(strips))]
    end = 8 + len(strips) * len(strips[0])
    lists = struct.pack("<3I", *(starts * 3)[:3]) + struct.pack("<3I", *[len(strips[0])] * 3)
    lists += struct.pack("<4H", 16, 16, 16, 0)
    many = len(strips) > 1
    tags = (
        (256, 4, 1, width),
        (257, 4, 1, height),
        (258, 3, channels, end + 24),
        (259, 3, 1, 1),  # no compression
        (262, 3, 1, 2),  # red, green, blue
        (273, 4, len(strips), end if many else 8),
        (277, 3, 1, channels),
        (278, 4, 1, height),
        (279, 4, len(strips), end + 12 if many else len(strips[0])),
        (284, 3, 1, 2 if planar else 1),
    )
    table = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", *tag) for tag in tags)
    start = struct.pack("<I", end + len(lists))
    return b"II*\0" + start + b"".join(strips) + lists + table + b"\0" * 4


def call(**changes: Any) -> bytes:
    """Return the bytes of a recorded call."""
    given: dict[str, Any] = {
        "features": np.zeros((1, 1, 4, 4), np.float32),
        "boxes": [[1.0, 2, 3, 4]],
        "output": np.zeros((1, 1, 3, 3), np.float32),
        "preset": "torchvision",
        "operator": "torchvision.ops.roi_align",
        "place": "poolers.py:312",
    }
    file = io.BytesIO()
    write_call_into(Call(**(given | changes)), file)
    return file.getvalue()


def on_map(number: int, rule: str | None = "torchvision", **changes: Any) -> bytes:
    """Return the bytes of a call on a map of a pyramid with two maps."""
    return call(level=PyramidLevel(0, number, 2, rule, (4, 4)), **changes)


def changed_call(record: dict[str, Any], arrays: dict[str, Any]) -> bytes:
    """Return the bytes of a call with other entries of `call.json` and other arrays."""
    with zipfile.ZipFile(io.BytesIO(call())) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members["call.json"] = json.dumps(json.loads(members["call.json"]) | record).encode()
    return zipped(members | {f"{name}.npy": npy(array) for name, array in arrays.items()})


def encoded(content: bytes) -> dict[str, Any]:
    """Return an array as Polygraphy writes it."""
    return {"array": base64.b64encode(content).decode(), "polygraphy_class": "ndarray"}


def runner(name: str, content: bytes) -> list[Any]:
    """Return the outputs of a runner as Polygraphy writes them."""
    values = {"values": encoded(content), "polygraphy_class": "LazyArray"}
    return [name, [{"outputs": {"out": values}, "runtime": 0.1, "runner_name": name}]]


def exported(dimensions: object, values: object) -> str:
    """Return an output as trtexec writes it."""
    return json.dumps([{"name": "out", "dimensions": dimensions, "values": values}])


NUMBERS = b"0" * 64
MAP = np.zeros((4, 4), np.float32)
COCO = {
    "images": [{"id": 1, "file_name": "a.jpg"}, {"id": 2, "file_name": "b.jpg"}],
    "annotations": [
        {"image_id": 1, "bbox": [0, 0, 2, 2], "category_id": 7},
        {"image_id": 2, "bbox": [1, 1, 2, 2], "category_id": 7},
    ],
    "categories": [{"id": 7, "name": "cat"}],
}
KERNELS = """
import os
import numpy as np
def shape(features, boxes, output_size):
    return features
def fails(features, boxes, output_size):
    raise IndexError("no such cell")
def few(features):
    return features
def needs(features, boxes, output_size, mode):
    return features
number = 3
def no_output(features, boxes, output_size):
    return None
def zeros(features, boxes, output_size):
    return np.zeros((len(boxes), features.shape[1], *output_size))
def noise(features, boxes, output_size):
    return np.random.rand(len(boxes), features.shape[1], *output_size)
def one_size(features, boxes):
    return np.ones((len(boxes), features.shape[1], 1, 1))
def ends(features, boxes, output_size):
    os._exit(3)
class Pool:
    def forward(self, features, boxes, output_size):
        return zeros(features, boxes, output_size)
"""

FILES: dict[str, bytes | str] = {
    "map.npy": npy(MAP),
    "maps.npy": npy(np.zeros((2, 3, 4, 4), np.float32)),
    "pickled.npy": npy(np.array([{"a": 1}], dtype=object), allow_pickle=True),
    "words.npy": npy(np.array(["a", "b"])),
    "bytes.npy": npy(np.array([b"a", b"b"])),
    "complex.npy": npy(np.zeros((4, 4), complex)),
    "dates.npy": npy(np.zeros((4, 4), "datetime64[s]")),
    "times.npy": npy(np.zeros((4, 4), "timedelta64[s]")),
    "records.npy": npy(np.zeros(4, [("a", "f4"), ("b", "i4")])),
    "long.npy": npy(np.zeros((4, 4), np.longdouble)),
    "line.npy": npy(np.zeros(4)),
    "five.npy": npy(np.zeros((1, 1, 1, 4, 4))),
    "none.of.it.npy": npy(np.zeros((0, 4))),
    "scalar.npy": npy(np.float32(1)),
    "cut.npy": npy(MAP)[:-9],
    "stub.npy": npy(MAP)[:40],
    "magic.npy": b"\x93NUMPY",
    "empty.npy": b"",
    "version.npy": b"\x93NUMPY\x09\x00" + npy(MAP)[8:],
    "huge.npy": header("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999, 99999999), }"),
    "negative.npy": header(
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-4, 4), }", b"0" * 64
    ),
    "words-in-shape.npy": header("{'descr': '<f4', 'fortran_order': False, 'shape': ('a',), }"),
    "code.npy": header("__import__('os').system('touch owned')"),
    "nodescr.npy": header("{'fortran_order': False, 'shape': (4, 4), }", NUMBERS),
    "dtype.npy": header("{'descr': 'zz', 'fortran_order': False, 'shape': (4, 4), }", NUMBERS),
    "deep.npy": header("{'descr': " + "[" * 3000 + ", 'fortran_order': False, 'shape': (4,), }"),
    "two.npz": zipped({"a.npy": npy(MAP), "b.npy": npy(MAP)}),
    "empty.npz": zipped({}),
    "text.npz": zipped({"readme.txt": b"no array"}),
    "cut.npz": zipped({"a.npy": npy(MAP)})[:-30],
    "flipped.npz": zipped({"a.npy": npy(MAP)}).replace(npy(MAP)[-16:], b"\1" * 16, 1),
    "pickled.npz": zipped({"a.npy": npy(np.array([None]), allow_pickle=True)}),
    "short.npz": zipped({"a.npy": npy(MAP)[:-8]}),
    "model.pt": zipped({"archive/data.pkl": b"\x80\x02.", "archive/data/0": b"0" * 64}),
    "bomb.npz": zipped({"a.npy": npy(np.zeros((300, 1 << 14)))}, zipfile.ZIP_LZMA),
    "model.pkl": pickle.dumps({"a": 1}),
    "model.safetensors": struct.pack("<Q", 60)
    + b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
    "model.h5": b"\x89HDF\r\n\x1a\n" + b"\0" * 40,
    "text.png": "no picture",
    "cut.png": picture()[:45],
    "cut.jpg": picture("jpeg", (64, 64))[:300],
    "cut.gif": picture("gif")[:20],
    "cut.webp": picture("webp")[:30],
    "cut.bmp": picture("bmp")[:40],
    "cut.tif": picture("tiff")[:50],
    "planar.tif": deep_tiff(np.zeros((5, 7, 3)), planar=True),
    "grey.png": picture(mode="L"),
    "rgb.png": picture(),
    "both.npy": npy(np.zeros((16, 16, 4), np.float32)),
    "names.csv": "a,b,c,d\n1,2,3,4\n",
    "under.csv": "1_0,2,3_0,4\n",
    "under.txt": "1_0 2_0 3_0 4_0\n",
    "arabic.csv": "1,\u0662,3,4\n",
    "twice.csv": "x,y,w,h,x\n1,2,3,4,5\n",
    "yolo.txt": "0 0.5 0.5 0.2 0.2\n1 0.5 0.5 0.2 1.02\n",
    "utf16.csv": "1,2,3,4\n".encode("utf-16"),
    "short.csv": "1,2,3\n",
    "long.csv": "1,2,3,4\n1,2,3,4,5,6\n",
    "mixed.csv": "1,2,3,4\n0,1,2,3,4\n",
    "word.csv": "1,2,3,4\n1,2,three,4\n",
    "nan.csv": "1,2,3,4\n1,2,nan,4\n",
    "inf.csv": "x1,y1,x2,y2\n1,2,inf,4\n",
    "gap.csv": "1,2,,4\n",
    "empty.csv": "\n",
    "nothing.csv": "",
    "header.csv": "x1,y1,x2,y2\n",
    "ragged.csv": "x1,y1,x2,y2\n1,2,3\n",
    "score.csv": "x,y,w,h,score\n1,2,1,1,high\n",
    "batch.csv": "batch,x,y,w,h\n3,1,2,1,1\n",
    "half.csv": "batch,x,y,w,h\n0.5,1,2,1,1\n",
    "binary.csv": b"\x00\x01\x02\x03",
    "latin.csv": b"x,y,w,h,label\n1,2,1,1,\xe9\n",
    "quote.csv": '1,2,3,"4\n' + "x" * 200000,
    "class.txt": "cat 0.5 0.5 0.2 0.2\n",
    "tabs.tsv": "1\t2\t3\n",
    "good.csv": "x,y,w,h\n1,3,2,2\n",
    "bad.json": "[[1,2,3,4],",
    "word.json": '"boxes"',
    "null.json": "[[1,2,3,null]]",
    "text.json": '[[1,2,3,"4px"]]',
    "bool.json": "[[1,2,3,true]]",
    "three.json": "[[1,2,3]]",
    "empty.json": "[]",
    "object.json": '{"a": 1}',
    "nan.json": "[[1,2,NaN,4]]",
    "big.json": "[[1,2,1e999,4]]",
    "nested.json": "[" * 100000,
    "keys.json": '[{"a": 1}]',
    "kinds.json": '[{"bbox": [1,2,3,4]}, {"x1":1,"y1":2,"x2":3,"y2":4}]',
    "notes.json": '{"annotations": [1]}',
    "coco.json": json.dumps(COCO),
    "boxes.npy": npy(np.zeros((3, 3))),
    "nan-boxes.npy": npy(np.array([[1, 2, np.nan, 4]])),
    "word-boxes.npy": npy(np.array([["a"] * 4])),
    "no-boxes.npy": npy(np.zeros((0, 4))),
    "out.npy": "before",
    "out.png": "before",
    "word-map.csv": "1,2,3\n4,five,6\n",
    "header-map.csv": "a,b\n1,2\n",
    "box-map.csv": "label,x,y,w,h\ncat,1,2,3,4\n",
    "gap-map.csv": "# a map\n1,2,3\n4,,6\n",
    "ragged-map.txt": "1 2 3\n\n4 5\n",
    "comma-map.csv": "1,5;2,5\n3,5;4\n",
    "big-map.txt": "1 1e999\n",
    "arabic-map.txt": "1 \u0662\n",
    "comment-map.txt": "# nothing\n\n",
    "utf16-map.csv": "1,2\n".encode("utf-16"),
    "latin-map.csv": b"# caf\xe9\n1,2\n",
    "good-map.csv": "1,2,3\n4,5,6\n7,8,9\n",
    "expected.npy": npy(np.zeros((1, 1, 3, 3), np.float32)),
    "wrong.npy": npy(np.zeros((2, 1, 3, 3), np.float32)),
    "call.npz": call(),
    "unknown-call.npz": call(preset=None),
    "no-output-call.npz": call(output=None, output_size=3),
    "no-boxes-call.npz": call(boxes=np.zeros((0, 4)), output=None, output_size=3),
    "cut-call.npz": call()[:-30],
    "long-call.npz": changed_call({}, {"output": np.zeros((2, 1, 3, 3), np.float32)}),
    "new-call.npz": changed_call({"version": 2}, {}),
    "zero-scale/call-0000.npz": changed_call({"spatial_scale": [0, 1]}, {}),
    "no-size/call-0000.npz": changed_call({"output_size": []}, {}),
    "odd-call.npz": changed_call({"preset": "nobody"}, {}),
    "calls/call-0000.npz": call(),
    "calls/call-0001.npz": call(place="poolers.py:320"),
    "half-calls/call-0000.npz": call(),
    "half-calls/call-0001.npz": call()[:-30],
    "rows/call-0000.npz": on_map(0, rows=[0]),
    "rows/call-0001.npz": on_map(1, rows=[0]),
    "no-rule/call-0000.npz": on_map(0, None, rows=[0]),
    "no-rule/call-0001.npz": on_map(1, None, rows=[1]),
    "no-boxes/call-0000.npz": on_map(0, boxes=np.zeros((0, 4)), output=None, output_size=3),
    "no-boxes/call-0001.npz": on_map(1, boxes=np.zeros((0, 4)), output=None, output_size=3),
    "runners.json": json.dumps({"lst": [runner("trt-0", npy(MAP)), runner("ort-0", npy(MAP))]}),
    "inputs.json": json.dumps([{"x": encoded(npy(MAP)), "y": encoded(npy(MAP))}]),
    "pickled-tensor.json": json.dumps([{"x": encoded(npy(np.array([{}]), allow_pickle=True))}]),
    "cut-tensor.json": json.dumps([{"x": encoded(npy(MAP)[:-9])}]),
    "torch-tensor.json": json.dumps([{"x": encoded(zipped({"archive/data.pkl": b"\x80\x02."}))}]),
    "base64-tensor.json": '[{"x": {"array": "\u00e9"}}]',
    "dimensions.json": exported("4,4", [1.0]),
    "dimension-list.json": exported([4, 4], [1.0]),
    "huge-dimensions.json": exported("99999999999x99999999999", [1.0]),
    "values.json": exported("2x2", [1, 2, "3", True]),
    "few-values.json": exported("2x2", [1, 2, 3]),
    "big-values.json": exported("1x1", [10**400]),
    "kernels.py": KERNELS,
    "library.so": b"\x7fELF",
    "imports.py": "import nowhere_at_all\n",
    "no-manifest/notes.txt": "",
    "bad-manifest/manifest.json": '{"format": "roialign-probe", "version": 1}',
    "old-manifest/manifest.json": '{"format": "roialign-probe", "version": 0}',
    "other-manifest/manifest.json": '{"name": "app"}',
}


def write(folder: Path) -> None:
    """Write all of them into a folder, and a folder among them."""
    for name, content in FILES.items():
        data = content.encode() if isinstance(content, str) else content
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(data)
    (folder / "folder.npy").mkdir()
