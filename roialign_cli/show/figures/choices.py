"""The choices that a figure's style offers; importing them does not load Matplotlib."""

from typing import Literal

Values = Literal["auto", "always", "never"]
Units = Literal["cells", "boxes"]
