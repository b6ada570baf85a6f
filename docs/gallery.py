"""The pictures of the gallery and their commands; `python -m docs.gallery` draws them all."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from roialign_cli.cli.main import main

DOCS = Path(__file__).parent
DPI = 110

_WALKTHROUGH = "sample_data/walkthrough.npy --box 9.25,10,6.25,4.53"
_ASTRONAUT = (
    "sample_data/astronaut.png --stride 32 --preset torchvision-aligned"
    " --boxes sample_data/astronaut.csv"
)
# The helmet reaches the lower edge of the image, so that its last sample points are clamped.
_HELMET = f"{_ASTRONAUT} --roi 2"
_MAX = "--output-size 4 --sampling-ratio 2 --pooling max"

# File name → title, and command without -o.
PICTURES = {
    "steps-walkthrough": ("All steps of the worked example", _WALKTHROUGH),
    "steps-astronaut": ("All steps on an image", f"{_ASTRONAUT} --output-size 3"),
    "sections-walkthrough": (
        "The sections of an ROI, and the sample points of one of them",
        f"{_WALKTHROUGH} --view sections",
    ),
    "sections-astronaut": (
        "The sections of an ROI on an image",
        f"{_HELMET} --output-size 3 --view sections --section 2,2",
    ),
    "overlay-astronaut": ("All boxes on the image", f"{_ASTRONAUT} --view overlay"),
    "overlay-walkthrough": ("All boxes on a feature map", f"{_WALKTHROUGH} --view overlay"),
    "point-walkthrough": (
        "One sample point, its neighbour cells and their weights",
        f"{_WALKTHROUGH} --view point --section 1,1 --point 1,2",
    ),
    "point-astronaut": (
        "A sample point that is clamped to the outermost cell centres",
        f"{_HELMET} --output-size 3 --view point --section 3,3 --point 3,2",
    ),
    "output-walkthrough": (
        "The output, and the largest point of each section",
        f"{_WALKTHROUGH} --view output",
    ),
    "output-astronaut": ("The output on an image", f"{_HELMET} {_MAX} --view output"),
    "footprint-walkthrough": (
        "The weight of each cell in one section",
        f"{_WALKTHROUGH} --pooling avg --view footprint --section 2,2",
    ),
    "footprint-astronaut": (
        "The weight of each cell in the whole output",
        f"{_HELMET} --output-size 3 --view footprint",
    ),
    "compare-walkthrough": (
        "Two conventions on the same box",
        f"{_WALKTHROUGH} --pooling avg --view compare --with torchvision-aligned",
    ),
    "compare-astronaut": (
        "The half-cell shift between aligned=True and aligned=False",
        f"{_ASTRONAUT} --output-size 3 --sampling-ratio 2 --view compare --with torchvision",
    ),
    "steps-dark": (
        "Dark theme, another colormap, and ticks in image pixels",
        f"{_HELMET} --output-size 3 --theme dark --colormap cividis --units boxes",
    ),
}


def gallery() -> str:
    """Return docs/gallery.md: every picture with its command."""
    parts = [
        "# Gallery",
        "Every view of `roialign plot`, on the [worked example](walkthrough.md) and on a "
        "photograph of the astronaut Eileen Collins (NASA, public domain). The words are "
        "explained in the [glossary](glossary.md).",
    ]
    for name, (title, command) in PICTURES.items():
        parts += [
            f"## {title}",
            f"![{title}](gallery/{name}.png)",
            f"```sh\nroialign plot {command} -o {name}.png\n```",
        ]
    return "\n\n".join(parts) + "\n"


def draw() -> None:
    """Draw all pictures; run it in the root of the project."""
    (DOCS / "gallery").mkdir(exist_ok=True)
    os.chdir(DOCS.parent)
    for name, (_, command) in PICTURES.items():
        arguments = [
            *shlex.split(command),
            "--dpi",
            str(DPI),
            "-o",
            f"docs/gallery/{name}.png",
            "--force",
        ]
        if main(["plot", *arguments]):
            raise SystemExit(f"could not draw {name}")


if __name__ == "__main__":
    os.environ.pop("ROIALIGN_PRESET", None)
    draw()
