"""`record_calls` on TensorFlow itself, where it is installed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from roialign_cli import RoiAlignError, record_calls
from roialign_cli.calls.archive import read_call
from roialign_cli.calls.recording import read_recording

pytestmark = pytest.mark.peers

IMAGES = np.random.default_rng(3).normal(size=(2, 16, 20, 4)).astype(np.float32)
BOXES = np.array([[0.1, 0.1, 0.8, 0.7], [0, 0, 1, 1], [-0.2, 0.3, 0.5, 1.3]], np.float32)
INDEX = [0, 1, 0]


@pytest.fixture
def tf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)
    return pytest.importorskip("tensorflow")


@pytest.mark.filterwarnings("ignore")
def test_crops_are_recorded(tf: Any) -> None:
    crop = tf.image.crop_and_resize
    with record_calls("calls"):
        tf.image.crop_and_resize(tf.constant(IMAGES), BOXES, INDEX, (5, 4), method="nearest")
        tf.image.crop_and_resize(IMAGES, BOXES, INDEX, tf.constant([5, 4]), "bilinear", -1.0)
        tf.compat.v1.image.crop_and_resize(IMAGES.astype(np.float16), BOXES, INDEX, [5, 4])
    assert tf.image.crop_and_resize is crop
    calls = [read_call(file) for file in read_recording("calls").files]
    assert [call.fields for call in calls] == [
        {"interpolation": "nearest"}, {"extrapolation_value": -1.0}, {},
    ]  # fmt: skip
    for call in calls:
        assert (call.framework, call.framework_version) == ("tensorflow", tf.__version__)
        assert call.place.startswith("tests/test_record_tensorflow.py:")
        assert call.output is not None
        np.testing.assert_allclose(call.operation().pooled(), call.output, atol=1e-5)


@pytest.mark.filterwarnings("ignore")
def test_graphs_are_not_recorded(tf: Any) -> None:
    graph = tf.function(lambda: tf.image.crop_and_resize(IMAGES, BOXES, INDEX, (5, 4)))
    with pytest.raises(RoiAlignError, match="run the model eagerly"), record_calls("calls"):
        graph()
    tf.config.run_functions_eagerly(run_eagerly=True)
    with record_calls("calls") as recorder:
        graph()
    tf.config.run_functions_eagerly(run_eagerly=False)
    assert recorder.count == 1
