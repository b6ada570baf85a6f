"""Write the JSON files of Polygraphy in tests/tensors.

Environment: Python 3.11, polygraphy 0.53.6.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parents[1] / "tensors"
TRT, ORT = "trt-runner-N0-11/29/26-12:00:00", "onnxrt-runner-N0-11/29/26-12:00:05"


def main() -> None:
    """Write the outputs of two runners, and inputs."""
    from polygraphy.comparator import RunResults
    from polygraphy.json import save_json

    results = RunResults()
    first = {"output": np.array([[1.5, -2]], np.float16), "index:0": np.arange(3)}
    results.add([first, {"output": np.zeros((1, 2), np.float16)}], runner_name=TRT)
    results.add([{"output": np.array([[7, 8]], np.float32)}], runner_name=ORT)
    results.save(str(FOLDER / "polygraphy-outputs.json"))
    features = np.arange(4, dtype=np.float32).reshape(1, 2, 2)
    inputs = {"x": features, "rois": np.array([[0.0, 0, 1, 1]])}
    save_json([inputs], str(FOLDER / "polygraphy-inputs.json"))


if __name__ == "__main__":
    main()
