"""The pictures of the gallery and their commands.

`python -m docs.gallery` draws all pictures, and `python -m docs.gallery steps.gif` one of them.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from docs.features import features
from roialign_cli.cli.main import main

DOCS = Path(__file__).parent
DPI = 110

_WALKTHROUGH = "sample_data/walkthrough.npy --image-size 512x512 --box 296,320,200,145"
_ASTRONAUT = "sample_data/astronaut.png --stride 32 --boxes sample_data/astronaut.csv"
# The helmet reaches the lower edge of the image, so that its last sample points are clamped.
_HELMET = f"{_ASTRONAUT} --roi 2"
# The face of the astronaut, on one of 256 channels.
_MAP = (
    "features.npy --preset torchvision-aligned --output-size 7"
    " --image-size 1216x800 --box 404,166,646,451"
)
_FEATURES = f"{_MAP} --channel 160"  # horizontal edges
_CHIN = f"{_FEATURES} --section 4,7"
_GRID = "--output-size 3 --sampling-ratio 2"


@dataclass(frozen=True)
class Picture:
    """A picture of the gallery.

    Parameters
    ----------
    file
        The name of the file, which begins with the name of the view.
    caption
        What there is to see, in one sentence.
    command
        The command without `roialign plot` and `-o`.
    """

    file: str
    caption: str
    command: str


# Heading → its pictures.
PICTURES = {
    "All steps: `--view steps`, the default": (
        Picture(
            "steps-walkthrough.png",
            "The worked example: each panel is one step, and its numbers are above it.",
            _WALKTHROUGH,
        ),
        Picture(
            "steps-astronaut.png",
            "The face on a photograph whose cells are averages of 32 × 32 pixels.",
            f"{_ASTRONAUT} --output-size 3",
        ),
        Picture(
            "steps-features.png",
            "One of 256 channels: each of the 7 × 7 sections has an adaptive grid of 3 × 3 points.",
            _CHIN,
        ),
        Picture(
            "steps-mean.png",
            "The mean of all 256 channels, in which the outline of the person can be seen.",
            f"{_MAP} --channel mean --section 2,7",
        ),
        Picture(
            "steps-roi-pool.png",
            "The steps of ROI Pool: the box is rounded to whole cells; nothing is interpolated.",
            f"{_WALKTHROUGH} --preset roi-pool --box-format xywh --origin bottom-left"
            " --output-size 3",
        ),
        Picture(
            "steps-slide.png",
            "A slide of 1280 × 720 pixels.",
            f"{_WALKTHROUGH} --aspect 16:9 --dpi 96",
        ),
        Picture(
            "steps.gif",
            "An animation that adds one step at a time; `--frames` writes a picture of each step.",
            f"{_WALKTHROUGH} --dpi 80",
        ),
        Picture(
            "steps-units.png",
            "The coordinates of the map in image pixels, the units of the boxes.",
            f"{_HELMET} --output-size 3 --units boxes",
        ),
        Picture(
            "steps-colormap.png",
            "The cells in another colormap of Matplotlib.",
            f"{_WALKTHROUGH} --colormap cividis",
        ),
        Picture(
            "steps-dark.png",
            "The dark theme, for dark slides and pages.",
            f"{_HELMET} --output-size 3 --theme dark",
        ),
    ),
    "Sections and sample points: `--view sections`": (
        Picture(
            "sections-walkthrough.png",
            "The ROI is divided into 3 × 3 sections, and section (1, 1) has four sample points.",
            f"{_WALKTHROUGH} --view sections",
        ),
        Picture(
            "sections-astronaut.png",
            "The edges of the sections lie between the edges of the cells: nothing is rounded.",
            f"{_HELMET} --output-size 3 --view sections --section 2,2",
        ),
        Picture(
            "sections-features.png",
            "A section of 2.2 × 2.5 cells has 3 × 3 points.",
            f"{_CHIN} --view sections",
        ),
        Picture(
            "sections-dark.png",
            "The dark theme, for dark slides and pages.",
            f"{_WALKTHROUGH} --view sections --section 2,3 --theme dark",
        ),
    ),
    "Boxes on the image: `--view overlay`": (
        Picture(
            "overlay-walkthrough.png",
            "Without a photograph, the box is drawn on the cells of the map.",
            f"{_WALKTHROUGH} --view overlay",
        ),
        Picture(
            "overlay-astronaut.png",
            "Three boxes on a photograph, each with its sections and sample points.",
            f"{_ASTRONAUT} --output-size 3 --view overlay",
        ),
        Picture(
            "overlay-features.png",
            "The box on a map of 50 × 76 cells.",
            f"{_CHIN} --view overlay",
        ),
        Picture(
            "overlay-dark.png",
            "The dark theme, for dark slides and pages.",
            f"{_MAP} --channel mean --view overlay --theme dark",
        ),
    ),
    "One sample point: `--view point`": (
        Picture(
            "point-walkthrough.png",
            "The weight of each neighbour cell is the area of the rectangle opposite to it.",
            f"{_WALKTHROUGH} --view point --section 1,1 --point 1,2",
        ),
        Picture(
            "point-astronaut.png",
            "A point below the lowest cell centres is moved up to them, and two cells remain.",
            f"{_HELMET} --output-size 3 --view point --section 3,3 --point 2,2",
        ),
        Picture(
            "point-features.png",
            "A point between four cells of a map with 256 channels.",
            f"{_CHIN} --view point",
        ),
        Picture(
            "point-dark.png",
            "The dark theme: a point beyond the last row and column centres uses one cell.",
            f"{_HELMET} --output-size 3 --view point --section 3,3 --point 3,2 --theme dark",
        ),
    ),
    "The output: `--view output`": (
        Picture(
            "output-walkthrough.png",
            "With max pooling each output is the value of one point, the largest of its section.",
            f"{_WALKTHROUGH} --view output",
        ),
        Picture(
            "output-astronaut.png",
            "With average pooling each output is the mean of all points of its section.",
            f"{_HELMET} {_GRID} --view output",
        ),
        Picture(
            "output-features.png",
            "The 7 × 7 outputs of one channel, in the colours of the cells beside them.",
            f"{_FEATURES} --view output",
        ),
        Picture(
            "output-dark.png",
            "The dark theme, for dark slides and pages.",
            f"{_HELMET} {_GRID} --pooling max --view output --theme dark",
        ),
    ),
    "The weights of the cells: `--view footprint`": (
        Picture(
            "footprint-walkthrough.png",
            "The weights of the cells in the output of section (2, 2) add up to 1.",
            f"{_WALKTHROUGH} --pooling avg --view footprint --section 2,2",
        ),
        Picture(
            "footprint-astronaut.png",
            "Without a section, the weights of the cells in all nine outputs together.",
            f"{_HELMET} --output-size 3 --view footprint",
        ),
        Picture(
            "footprint-features.png",
            "The 49 outputs together use all cells of the ROI; those at its edges count less.",
            f"{_FEATURES} --view footprint",
        ),
        Picture(
            "footprint-dark.png",
            "The dark theme, for dark slides and pages.",
            f"{_FEATURES} --view footprint --section 4,4 --theme dark",
        ),
    ),
    "Two conventions: `--view compare`": (
        Picture(
            "compare-walkthrough.png",
            "The two conventions place different points in the same sections.",
            f"{_WALKTHROUGH} --pooling avg --view compare --with torchvision-aligned",
        ),
        Picture(
            "compare-astronaut.png",
            "Between `aligned=True` and `aligned=False` all points move by half a cell.",
            f"{_ASTRONAUT} {_GRID} --view compare --with torchvision",
        ),
        Picture(
            "compare-features.png",
            "The same half cell on a map with 256 channels.",
            f"{_FEATURES} --view compare --with torchvision",
        ),
        Picture(
            "compare-dark.png",
            "The dark theme, for dark slides and pages.",
            f"{_WALKTHROUGH} --pooling avg --view compare --with torchvision-aligned --theme dark",
        ),
    ),
    "ROI Pool and ROI Align: `--view pool`": (
        Picture(
            "pool-walkthrough.png",
            "ROI Pool rounds the box to whole cells, and its sections overlap; ROI Align rounds"
            " nothing.",
            f"{_WALKTHROUGH} --view pool",
        ),
        Picture(
            "pool-astronaut.png",
            "ROI Pool rounds the right edge to a cell and includes this cell: 48 pixels more.",
            f"{_ASTRONAUT} {_GRID} --view pool",
        ),
        Picture(
            "pool-features.png",
            "On a map with a stride of 16, the rounding adds 4 to 13 pixels at each edge.",
            f"{_FEATURES} --view pool",
        ),
        Picture(
            "pool-dark.png",
            "The dark theme, for dark slides and pages.",
            f"{_ASTRONAUT} {_GRID} --roi 1 --view pool --theme dark",
        ),
    ),
}

_INTRODUCTION = """\
# Gallery

Every view of `roialign plot` on three feature maps. The [glossary](glossary.md) explains the words.

- The [worked example](walkthrough.md): 16 × 16 cells, one channel, with the default preset
  `walkthrough`.
- A photograph of the astronaut Eileen Collins (NASA, public domain): cells of 32 × 32 pixels, three
  channels, and three boxes.
- A map with 256 channels and 50 × 76 cells, as large as that of a detection network. It holds the
  responses of fixed Gabor filters to the upper part of the photograph, as if that had 1216 × 800
  pixels. It is computed in two seconds and is not in the repository. This command writes it:

```sh
python -m docs.features features.npy
```

"""


def gallery() -> str:
    """Return docs/gallery.md: every picture with its command."""
    contents = [f"- [{heading}](#{anchor(heading)})" for heading in PICTURES]
    parts = [_INTRODUCTION + "\n".join(contents)]
    for heading, pictures in PICTURES.items():
        parts.append(f"## {heading}")
        for picture in pictures:
            parts += [
                picture.caption,
                f"![{picture.caption.replace('`', '')}](gallery/{picture.file})",
                f"```sh\n{_wrapped(picture)}\n```",
            ]
    return "\n\n".join(parts) + "\n"


def anchor(heading: str) -> str:
    """Return the anchor that code hosts give to a heading."""
    kept = "".join(c for c in heading.lower() if c.isalnum() or c in " -")
    return kept.replace(" ", "-")


def _wrapped(picture: Picture, width: int = 100) -> str:
    """Return the whole command of a picture, in lines that end before an option."""
    words = shlex.split(f"{picture.command} -o {picture.file}")
    lines = ["roialign plot"]
    while words:
        has_value = words[0].startswith("-") and len(words) > 1
        group = " ".join(words[: 1 + has_value])
        del words[: 1 + has_value]
        if len(f"{lines[-1]} {group}") > width:
            lines.append("   ")
        lines[-1] += f" {group}"
    return " \\\n".join(lines)


def draw(files: list[str]) -> None:
    """Draw the pictures with these names, or all pictures."""
    target = DOCS / "gallery"
    target.mkdir(exist_ok=True)
    pictures = [picture for group in PICTURES.values() for picture in group]
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        Path("sample_data").symlink_to(DOCS.parent / "sample_data")
        np.save("features.npy", features())
        for picture in pictures:
            if files and picture.file not in files:
                continue
            arguments = [*shlex.split(picture.command), "-o", str(target / picture.file)]
            if "--dpi" not in arguments:
                arguments += ["--dpi", str(DPI)]
            if main(["plot", *arguments, "--force"]):
                raise SystemExit(f"could not draw {picture.file}")
            if picture.file.endswith(".png"):
                _reduce(target / picture.file)


def _reduce(path: Path) -> None:
    """Write a PNG again with 256 colours, which takes a third of the space."""
    with Image.open(path) as image:
        # This method keeps rare colours, such as those of thin lines.
        method = Image.Quantize.MAXCOVERAGE
        reduced = image.convert("RGB").quantize(256, method, kmeans=1, dither=Image.Dither.NONE)
    reduced.save(path, optimize=True)


if __name__ == "__main__":
    os.environ.pop("ROIALIGN_PRESET", None)
    draw(sys.argv[1:])
