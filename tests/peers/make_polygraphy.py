"""Write the JSON files of Polygraphy in tests/tensors, with polygraphy 0.53.6."""

from pathlib import Path

import numpy as np
from polygraphy.comparator import RunResults
from polygraphy.json import save_json

FOLDER = Path(__file__).parents[1] / "tensors"
TRT, ORT = "trt-runner-N0-11/29/26-12:00:00", "onnxrt-runner-N0-11/29/26-12:00:05"

results = RunResults()
first = {"output": np.array([[1.5, -2]], np.float16), "index:0": np.arange(3)}
results.add([first, {"output": np.zeros((1, 2), np.float16)}], runner_name=TRT)
results.add([{"output": np.array([[7, 8]], np.float32)}], runner_name=ORT)
results.save(str(FOLDER / "polygraphy-outputs.json"))
inputs = {"x": np.arange(4, dtype=np.float32).reshape(1, 2, 2), "rois": np.array([[0.0, 0, 1, 1]])}
save_json([inputs], str(FOLDER / "polygraphy-inputs.json"))
