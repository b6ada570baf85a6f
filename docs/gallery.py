"""The gallery's pictures and their commands; `python -m docs.gallery` draws them all again."""

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
# The helmet, of which the last rows are over the image's edge.
_HELMET = f"{_ASTRONAUT} --roi 2"
_MAX = "--output-size 4 --sampling-ratio 2 --pooling max"

# Picture → what it shows, and the command without its output.
PICTURES = {
    "steps-walkthrough": ("The whole story, on the worked example", _WALKTHROUGH),
    "steps-astronaut": ("The whole story, on an image", f"{_ASTRONAUT} --output-size 3"),
    "sections-walkthrough": (
        "The ROI on the cells, and the points of one section",
        f"{_WALKTHROUGH} --view sections",
    ),
    "sections-astronaut": (
        "The same on an image's cells: no values where there is no room",
        f"{_HELMET} --output-size 3 --view sections --section 2,2",
    ),
    "overlay-astronaut": ("All boxes on the image", f"{_ASTRONAUT} --view overlay"),
    "overlay-walkthrough": ("The same on a map", f"{_WALKTHROUGH} --view overlay"),
    "point-walkthrough": (
        "One point: its four cells, and the areas that are their weights",
        f"{_WALKTHROUGH} --view point --section 1,1 --point 1,2",
    ),
    "point-astronaut": (
        "A point clamped to the map's border",
        f"{_HELMET} --output-size 3 --view point --section 3,3 --point 3,2",
    ),
    "output-walkthrough": ("The output, and the points that won", f"{_WALKTHROUGH} --view output"),
    "output-astronaut": ("The same of an image", f"{_HELMET} {_MAX} --view output"),
    "footprint-walkthrough": (
        "How much each cell counts: the gradient of one section",
        f"{_WALKTHROUGH} --pooling avg --view footprint --section 2,2",
    ),
    "footprint-astronaut": (
        "How much each cell counts in the whole output",
        f"{_HELMET} --output-size 3 --view footprint",
    ),
    "compare-walkthrough": (
        "Two conventions on the same box: points, outputs and their difference",
        f"{_WALKTHROUGH} --pooling avg --view compare --with torchvision-aligned",
    ),
    "compare-astronaut": (
        "The half-cell shift of an export without aligned=True",
        f"{_ASTRONAUT} --output-size 3 --sampling-ratio 2 --view compare --with torchvision",
    ),
    "steps-dark": (
        "Dark, with another colormap for the cells and ticks in the boxes' units",
        f"{_HELMET} --output-size 3 --theme dark --colormap cividis --units boxes",
    ),
}


def gallery() -> str:
    """Return docs/gallery.md: every picture with its command."""
    parts = [
        "# Gallery",
        "Every view of `roialign plot`, on the worked example and on an image (the astronaut "
        "Eileen Collins, NASA, public domain).",
    ]
    for name, (title, command) in PICTURES.items():
        parts += [
            f"## {title}",
            f"![{title}](gallery/{name}.png)",
            f"```sh\nroialign plot {command} -o {name}.png\n```",
        ]
    return "\n\n".join(parts) + "\n"


def draw() -> None:
    """Draw all pictures, from the project's root."""
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
            raise SystemExit(f"{name} was not drawn")


if __name__ == "__main__":
    os.environ.pop("ROIALIGN_PRESET", None)
    draw()
