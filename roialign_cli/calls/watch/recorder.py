"""Record the ROI Aligns that a program calls."""

from __future__ import annotations

import os
import threading
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from weakref import WeakKeyDictionary

from roialign_cli.calls.call import Call
from roialign_cli.calls.recording import (
    RecordingWriter,
    check_recording_writable,
    new_recording,
)
from roialign_cli.calls.watch.pyramids import PyramidRun
from roialign_cli.calls.watch.targets import (
    Target,
    known_operators,
    known_poolers,
    named_operators,
)
from roialign_cli.calls.watch.watching import HOOKS, around_operator, around_pooler
from roialign_cli.errors import ArgumentError, FileError


class Recorder:
    """Write the calls of one block to its recording."""

    def __init__(self, path: Path, writer: RecordingWriter) -> None:
        self._path = path
        self._writer = writer
        self._lock = threading.Lock()
        self._pyramids: WeakKeyDictionary[PyramidRun, int] = WeakKeyDictionary()
        self._pyramid_count = 0
        self._skipped: Counter[tuple[str, str]] = Counter()
        self._failure: FileError | None = None
        self._process = os.getpid()

    @property
    def count(self) -> int:
        """The number of calls recorded so far."""
        return self._writer.count

    def add(self, call: Call, run: PyramidRun | None) -> None:
        """Write a call, which belongs to a run on a pyramid if it has a level."""
        if os.getpid() != self._process:
            return  # a copy of this object in a process that was forked
        with self._lock:
            if run is not None and call.level is not None:
                if run not in self._pyramids:
                    self._pyramids[run] = self._pyramid_count
                    self._pyramid_count += 1
                call = replace(call, level=replace(call.level, pyramid=self._pyramids[run]))
            try:
                self._writer.add(call)
            except FileError as error:
                self._failure = error
                raise

    def skip(self, name: str, reason: str) -> None:
        """Remember that a call of a function could not be recorded."""
        with self._lock:
            self._skipped[name, reason] += 1

    def finish(self, watched: Iterable[str]) -> None:
        """Warn about calls that could not be recorded; raise an error if the recording failed.

        Parameters
        ----------
        watched
            The names of the functions, for the error of a block that called none.
        """
        if self._failure:  # which the block caught
            raise self._failure
        reasons = [
            f"{name}: {reason} ({count} {'call' if count == 1 else 'calls'})"
            for (name, reason), count in self._skipped.items()
        ]
        if self.count and reasons:
            problem = f"{self._path}: some calls were not recorded: {'; '.join(reasons)}"
            warnings.warn(problem, stacklevel=4)
        if not self.count:
            names = ", ".join(watched)
            unseen = (
                f"the block called no watched function ({names}); name other functions in targets; "
                "of a scripted, traced or exported model, record the original"
            )
            raise FileError(self._path, f"no call was recorded: {'; '.join(reasons) or unseen}")


@contextmanager
def record_calls(
    path: str | Path, targets: Target | Iterable[Target] = (), *, force: bool = False
) -> Iterator[Recorder]:
    """Record the ROI Aligns that run while a block runs, each with its inputs and its output.

    These functions are watched if their library is imported before the block:

    - `torchvision.ops`: `roi_align`, `roi_pool`, `ps_roi_align` and `ps_roi_pool`, also when
      `RoIAlign` and the other modules call them. The calls of one `MultiScaleRoIAlign` are grouped.
    - detectron2's `ROIAlign`, and `ROIPooler`, which is grouped.
    - MMCV's `roi_align` and `RoIAlign`, and MMDetection's `SingleRoIExtractor`, which is grouped.
    - TensorFlow's `tf.image.crop_and_resize` and `tf.compat.v1.image.crop_and_resize`.

    These functions are replaced in all modules and in the classes that modules hold, and restored
    after the block, also after an exception. The calls of all threads of the process are recorded.
    Each call is written when it has run, with its features, and nothing is kept in memory. A call
    that fails is not recorded.

    These calls are not recorded:

    - calls of functions that an object stored before the block, such as
      ``functools.partial(roi_align)`` or ``self.op = roi_align``: create the object in the block,
      or name the function that calls it in `targets`;
    - calls in models that were scripted, traced or exported: record the original model;
    - calls in graphs of TensorFlow: call ``tf.config.run_functions_eagerly(True)`` first.

    Models of torch.compile are recorded, except with ``fullgraph=True``. Script, trace and export
    models outside the block.

    Parameters
    ----------
    path
        The folder of the recording. It appears when the block ends without an exception.
    targets
        Other functions to record: functions, methods and PyTorch modules (of all objects of the
        class), or names such as "package.module:function" and "package.module:Class.method". Their
        parameters must have usual names, such as `features` or `input`, `boxes` or `rois`,
        `output_size`, `spatial_scale`, `sampling_ratio`. Boxes are (R, 5), a list with the boxes of
        each image, or (R, 4) with a `batch_index`. The rules of these functions are unknown:
        `roialign identify` finds them. What a target calls is not recorded a second time.
    force
        Whether an existing recording may be replaced.

    Yields
    ------
    Recorder
        Its `count` is the number of calls recorded so far.

    Raises
    ------
    RoiAlignError
        Before the block, if there is nothing to watch, or if the folder must not be written. In
        the block and after it, if a call cannot be written. After the block, if no call was
        recorded.

    Warns
    -----
    UserWarning
        After the block, if some calls could not be recorded, with the reasons.

    Examples
    --------
    Record a model of torchvision. Each call is then a file that `roialign explain` and the other
    commands read.

    >>> import torchvision  # doctest: +SKIP
    >>> model = torchvision.models.detection.fasterrcnn_resnet50_fpn().eval()  # doctest: +SKIP
    >>> with record_calls("calls/") as recorder:  # doctest: +SKIP
    ...     detections = model(images)
    >>> recorder.count  # doctest: +SKIP
    4
    """
    path = Path(path)
    named = named_operators(targets)
    # Two libraries may have the same function, which then belongs to the first.
    operators = {
        id(function): (function, row) for function, row in reversed([*known_operators(), *named])
    }
    if not operators:
        problem = (
            "no library with a known ROI Align is imported; import it before the block, "
            "or name your function"
        )
        raise ArgumentError("targets", problem)
    watched = [(function, around_operator(function, row)) for function, row in operators.values()]
    watched += [(function, around_pooler(function, row)) for function, row in known_poolers()]
    try:
        check_recording_writable(path, force=force)
    except FileError as error:
        raise FileError(path, error.problem.replace("--force", "force=True")) from None
    with new_recording(path, force=force) as writer:
        recorder = Recorder(path, writer)
        try:
            missing = HOOKS.add(recorder, watched)
            for function, operator in named:
                if id(function) in missing:
                    problem = f"no module and no class has {operator.name}; define it in a module"
                    raise ArgumentError("targets", problem)
            yield recorder
        finally:
            HOOKS.remove(recorder)
        recorder.finish(sorted(operator.name for _, operator in operators.values()))
