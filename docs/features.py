"""A feature map with 256 channels for the gallery: `python -m docs.features FILE.npy`."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

PHOTOGRAPH = Path(__file__).parent.parent / "sample_data" / "astronaut.png"

ROWS, COLUMNS = 50, 76  # cells of 16 × 16 pixels of an 800 × 1216 image
_PIXELS = 4  # of the reduced photograph, per cell and axis
_MARGIN = 16  # reflected pixels around the reduced photograph

_WAVELENGTHS = (16.0, 11.3, 8.0, 5.7)  # in pixels of the reduced photograph
_ORIENTATIONS = 16
_PHASES = 4


def features() -> NDArray[np.float32]:
    """Return the responses of 256 Gabor filters to the upper part of the photograph.

    The upper 512 × 337 pixels of the photograph are reduced to 304 × 200 grey pixels. Each filter
    has one of 4 wavelengths, 16 orientations and 4 phases. Negative responses become 0, as in a
    network, and all responses are averaged over 4 × 4 pixels.

    Returns
    -------
    NDArray[np.float32]
        (256, 50, 76): channels, rows and columns.
    """
    width, height = COLUMNS * _PIXELS, ROWS * _PIXELS
    with Image.open(PHOTOGRAPH) as photograph:
        upper = (0, 0, photograph.width, photograph.width * height / width)
        grey = photograph.convert("L").resize((width, height), Image.Resampling.BOX, upper)
    pixels = np.pad(np.asarray(grey) / 255, _MARGIN, mode="reflect")
    spectrum = np.fft.rfft2(pixels)
    y, x = (np.fft.fftfreq(size, 1 / size) for size in pixels.shape)  # 0 is the first pixel
    channels = []
    for wavelength in _WAVELENGTHS:
        envelope = np.exp(-2 * (x**2 + y[:, None] ** 2) / wavelength**2)
        for angle in np.pi * np.arange(_ORIENTATIONS) / _ORIENTATIONS:
            along = x * np.cos(angle) + y[:, None] * np.sin(angle)
            for phase in 2 * np.pi * np.arange(_PHASES) / _PHASES:
                wave = np.cos(2 * np.pi * along / wavelength + phase)
                mean = (envelope * wave).sum() / envelope.sum()
                gabor = envelope * (wave - mean)  # which ignores brightness
                gabor /= np.abs(gabor).sum()
                response = np.fft.irfft2(spectrum * np.fft.rfft2(gabor), pixels.shape)
                inside = response[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN]
                blocks = np.maximum(inside, 0).reshape(ROWS, _PIXELS, COLUMNS, _PIXELS)
                channels.append(blocks.mean(axis=(1, 3)))
    return np.array(channels, dtype=np.float32)


if __name__ == "__main__":
    np.save(sys.argv[1], features())
