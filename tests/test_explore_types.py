"""The types in types.d.ts are those of the page and of real answers."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from copy import deepcopy
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from roialign_cli.cli.demo import sample_data
from roialign_cli.core.presets import PRESETS
from roialign_cli.page import assets
from tests.explore_client import Client, served
from tests.node_packages import CONFIGURATION, NODE_MODULES, needs_node_packages
from tests.saved_page import page_answers

WEB = Path(assets.__file__).parent / "web"
SAMPLES = sample_data()
MAP = [f"{SAMPLES}/walkthrough.npy", "--box", "2,-3,11,6", "--output-size", "2"]
PHOTO = [
    f"{SAMPLES}/astronaut.png", "--stride", "32", "--boxes", f"{SAMPLES}/astronaut.csv",
    "--channel", "norm", "--pooling", "max", "--output-size", "2",
]  # fmt: skip

# The classes of elements with more properties than HTMLElement.
CLASSES = {
    "button": "HTMLButtonElement",
    "canvas": "HTMLCanvasElement",
    "circle": "SVGCircleElement",
    "details": "HTMLDetailsElement",
    "dialog": "HTMLDialogElement",
    "g": "SVGGElement",
    "input": "HTMLInputElement",
    "path": "SVGPathElement",
    "rect": "SVGRectElement",
    "select": "HTMLSelectElement",
    "svg": "SVGSVGElement",
    "table": "HTMLTableElement",
}


class Classes(HTMLParser):
    """Collects the classes of the elements with an id."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        name = dict(attrs).get("id")
        if name is not None and tag in CLASSES:
            self.found[name] = CLASSES[tag]


def test_elements_have_the_classes_of_the_page() -> None:
    page = Classes()
    page.feed((WEB / "page.html").read_text(encoding="utf-8"))
    types = (WEB / "types.d.ts").read_text(encoding="utf-8")
    body = re.search(r"interface Elements \{(.*?)\}", types, re.DOTALL)
    assert body is not None
    named = dict(re.findall(r'^  "?([\w-]+)"?: (\w+);$', body[1], re.MULTILINE))
    assert named == page.found


# Constant: the name of its type, and its value.
Constants = list[tuple[str, Any]]


def answers_of(client: Client, **changes: Any) -> Constants:
    """Return the answers for a state, with the names of their types."""
    return [
        ("Trace", client.ask("trace", **changes)),
        ("PointAnswer", client.ask("point", **changes)),
        ("MapAnswer", client.ask("map", **changes)),
        ("CommandsAnswer", client.ask("commands", **changes)),
    ]


def session_of(client: Client) -> tuple[str, Any]:
    """Return what the page of a client holds."""
    page = client.get()[1].decode()
    record = re.search(r'<script type="application/json" id="session">(.*?)</script>', page)
    assert record is not None
    return "Session", json.loads(record[1])


def real_answers(folder: Path) -> Iterator[tuple[str, Any]]:
    """Yield sessions and answers of all presets, a photograph, and cells that are not finite."""
    # Two channels for each section of position-sensitive presets.
    np.save(folder / "maps.npy", np.stack([np.load(MAP[0])] * 8))
    with served(f"{folder}/maps.npy", *MAP[1:]) as client:
        yield session_of(client)
        for name, preset in PRESETS.items():
            box = [4, 8, 3, 3] if preset.convention.rejects == "off-map" else client.start["box"]
            yield from answers_of(client, preset=name, box=box)
        yield "SavedAnswers", page_answers(client.raw("page", preset="ps-roi-align").decode())
    with served(*MAP) as client:
        yield session_of(client)
        many = {"output_size": [60, 60], "preset": "mmcv", "sampling_ratio": 4}
        yield from answers_of(client, **many)
        second = {"other": "torchvision-aligned", "edits": [[0, 0, 2, 3, 0.25]]}
        yield from answers_of(client, **second)
        yield "ValueAnswer", client.ask("value", position=[3.5, 4.25])
        yield "SavedAnswers", page_answers(client.raw("page").decode())
    with served(*PHOTO) as client:
        yield session_of(client)
        yield from answers_of(client, channel=1, section=[2, 1], point=[1, 1])
        yield "ChannelsAnswer", client.ask("channels")
        body = json.dumps({**client.start, "section": [9, 9]}).encode()
        yield "ErrorAnswer", json.loads(client.post("trace", body)[1])
    maps = {"P2": np.zeros((1, 16, 20)), "P3": np.zeros((1, 8, 10))}
    np.savez(folder / "pyramid.npz", **maps)  # type: ignore[arg-type]
    pyramid = [f"{folder}/pyramid.npz", "--pyramid", "torchvision", "--image-size", "80x64"]
    with served(*pyramid, "--box", "1,2,30,40") as client:
        yield session_of(client)
        yield from answers_of(client)
        yield "SavedAnswers", page_answers(client.raw("page").decode())
    features = np.full((2, 1, 5, 6), np.nan, np.float32)
    features[0, 0, :2] = np.array([[np.inf], [3]])
    np.save(folder / "nan.npy", features)
    with served(f"{folder}/nan.npy", "--box", "1,1,1,1", "--preset", "mmcv") as client:
        yield session_of(client)
        yield from answers_of(client)
        yield from answers_of(client, batch_index=1, preset="roi-pool")


def type_errors(folder: Path, constants: Constants, *, wrong: bool = False) -> str:
    """Return what tsc prints about typed constants; `wrong` ones must each have an error."""
    expected = "// @ts-expect-error\n" if wrong else ""
    lines = [
        f'{expected}/** @type {{import("{WEB}/types.js").{name}}} */'
        f" export const constant{k} = {json.dumps(value)};\n"
        for k, (name, value) in enumerate(constants)
    ]
    (folder / "answers.js").write_text("".join(lines), encoding="utf-8")
    configuration = {"extends": str(CONFIGURATION), "include": ["answers.js"]}
    (folder / "tsconfig.json").write_text(json.dumps(configuration), encoding="utf-8")
    tsc = [str(NODE_MODULES / ".bin" / "tsc"), "--project", str(folder)]
    done = subprocess.run(tsc, capture_output=True, text=True, check=False)
    assert done.returncode == 0 or done.stdout, done.stderr
    return done.stdout


def records(value: Any) -> Iterator[dict[str, Any]]:
    """Yield the objects whose keys are listed; of a list only those in its first item."""
    if isinstance(value, dict):
        yield value
        for name, part in value.items():
            if name not in {"convention", "overrides"}:  # any rules
                yield from records(part)
    elif isinstance(value, list) and value:
        yield from records(value[0])


def changed(answer: dict[str, Any], k: int, key: str, value: Any = None) -> dict[str, Any]:
    """Return a copy of an answer in which a key of object k has a value, or is missing if None."""
    copy = deepcopy(answer)
    record = list(records(copy))[k]
    record.pop(key, None)
    if value is not None:
        record[key] = value
    return copy


def with_wrong_keys(name: str, answer: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield copies of an answer in which one key is missing, of another type or unknown."""
    for k, record in enumerate(records(answer)):
        for key in record:
            yield name, changed(answer, k, key)
            yield name, changed(answer, k, key, [{}])
        yield name, changed(answer, k, "unknown", 0)


@pytest.mark.node
@needs_node_packages
def test_real_answers_have_their_types(tmp_path: Path) -> None:
    assert type_errors(tmp_path, list(real_answers(tmp_path))) == ""


@pytest.mark.node
@needs_node_packages
def test_answers_with_other_keys_do_not_have_the_types(tmp_path: Path) -> None:
    with served(*MAP, "--preset", "mmcv", "--sampling-ratio", "1") as client:
        answers = [
            session_of(client),
            *answers_of(client),
            ("Trace", client.ask("trace", other="torchvision")),
            ("ValueAnswer", client.ask("value", position=[3.5, 4.25])),
            ("ChannelsAnswer", client.ask("channels")),
        ]
    constants = [changed for answer in answers for changed in with_wrong_keys(*answer)]
    assert len(constants) > 200
    assert type_errors(tmp_path, constants, wrong=True) == ""
