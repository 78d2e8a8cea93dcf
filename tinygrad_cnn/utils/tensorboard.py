"""``SummaryWriter``, under the name of ``torch.utils.tensorboard``: event files that TensorBoard opens.

The messages are made by the package tensorboardX, which is imported when the first writer is made.
"""

from __future__ import annotations

import functools
import itertools
import os
import socket
import time
import weakref
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["SummaryWriter"]

_files_made = itertools.count()  # in this process: two files of one second have two names


class SummaryWriter:
    """Writes what a run looks like to a folder: numbers, images, histograms, texts.

    Args:
        log_dir: the folder; by default ``runs/`` and a name made of date, time, machine and `comment`.
        comment: the end of that default name.
        purge_step: a run that goes on from this step after a crash; TensorBoard hides what was written from it on.
        max_queue: after how many entries they are handed to the operating system.
        flush_secs: after how many seconds an entry brings all of them to the disk, as `flush` does.
        filename_suffix: the end of the names of the files.

    Values are Tensors, arrays or numbers. After `close` another entry begins another file. Raises ImportError, which
    names the extra to install, where tensorboardX is missing.

    >>> import os, tempfile
    >>> with SummaryWriter(tempfile.mkdtemp()) as writer:
    ...     for step in range(3):
    ...         writer.add_scalar("loss/train", 1 / (step + 1), step)
    >>> len(os.listdir(writer.log_dir))
    1
    """

    def __init__(
        self,
        log_dir: str | os.PathLike[str] | None = None,
        comment: str = "",
        purge_step: int | None = None,
        max_queue: int = 10,
        flush_secs: float = 120,
        filename_suffix: str = "",
    ) -> None:
        _tensorboardx()
        if not log_dir:
            log_dir = os.path.join("runs", f"{datetime.now():%b%d_%H-%M-%S}_{socket.gethostname()}{comment}")
        self.log_dir = os.fspath(log_dir)
        self.purge_step, self.max_queue, self.flush_secs = purge_step, max_queue, flush_secs
        self.filename_suffix = filename_suffix
        self._files: dict[str, _EventFile] = {}
        self._closing = weakref.finalize(self, _close, self._files)  # also at the end of the program
        self._file(self.log_dir)

    def get_logdir(self) -> str:
        """The folder."""
        return self.log_dir

    # ---------------------------------------------------------------------------------------------------- what is added
    def add_scalar(
        self,
        tag: str,
        scalar_value: Any,
        global_step: Any = None,
        walltime: float | None = None,
        new_style: bool = False,  # noqa: ARG002  another form of the same entry
        double_precision: bool = False,
    ) -> None:
        """One number, under `tag`, at a step; it is kept as a float32. Raises TypeError for what is not one number."""
        if double_precision:
            raise ValueError("add_scalar: numbers are kept as float32; leave double_precision out")
        self._add(self.log_dir, "scalar", tag, global_step, walltime, _number("add_scalar", scalar_value))

    def add_scalars(
        self, main_tag: str, tag_scalar_dict: Mapping[str, Any], global_step: Any = None, walltime: float | None = None
    ) -> None:
        """Several numbers for one chart, {name: number}; each name is a run of its own, in a folder below."""
        numbers = {name: _number("add_scalars", value) for name, value in tag_scalar_dict.items()}
        for name, value in numbers.items():
            folder = os.path.join(self.log_dir, f"{main_tag.replace('/', '_')}_{name}")
            self._add(folder, "scalar", main_tag, global_step, walltime, value)

    def add_histogram(
        self,
        tag: str,
        values: Any,
        global_step: Any = None,
        bins: str | Any = "tensorflow",
        walltime: float | None = None,
        max_bins: int | None = None,
    ) -> None:
        """How the elements of `values` are distributed, in TensorBoard's bins, which grow by a tenth from 1e-12, or in
        those of `numpy.histogram`. Raises ValueError for no elements, TypeError for no real numbers."""
        array = np.asarray(values)
        if array.dtype.kind not in "biuf":
            raise TypeError(f"add_histogram: expected real numbers, got {type(values).__name__} of dtype {array.dtype}")
        if array.size == 0:
            raise ValueError(f"add_histogram: {tag!r} has no elements, its shape is {array.shape}")
        chosen = _growing_bins() if isinstance(bins, str) and bins == "tensorflow" else bins
        self._add(self.log_dir, "histogram", tag, global_step, walltime, array, chosen, max_bins)

    def add_image(
        self,
        tag: str,
        img_tensor: Any,
        global_step: Any = None,
        walltime: float | None = None,
        dataformats: str = "CHW",
    ) -> None:
        """An image of 1, 3 or 4 channels, as floats in [0, 1] or as uint8. `dataformats` names its dimensions: CHW, HWC
        or HW. Needs Pillow."""
        pixels = _pixels("add_image", img_tensor, dataformats)
        self._add(self.log_dir, "image", tag, global_step, walltime, pixels, 1, dataformats)

    def add_images(
        self,
        tag: str,
        img_tensor: Any,
        global_step: Any = None,
        walltime: float | None = None,
        dataformats: str = "NCHW",
    ) -> None:
        """A batch of images as one, eight in a row; or a list of them, with the `dataformats` of one (CHW, HWC)."""
        if isinstance(img_tensor, (list, tuple)):
            img_tensor, dataformats = np.stack([np.asarray(image) for image in img_tensor]), "N" + dataformats
        pixels = _pixels("add_images", img_tensor, dataformats)
        self._add(self.log_dir, "image", tag, global_step, walltime, pixels, 1, dataformats)

    def add_figure(
        self, tag: str, figure: Any, global_step: Any = None, close: bool = True, walltime: float | None = None
    ) -> None:
        """A figure of Matplotlib, or a list of them, as an image. `close` closes it, if pyplot made it."""
        import sys

        from matplotlib.backends.backend_agg import FigureCanvasAgg

        drawn = []
        for each in figure if isinstance(figure, (list, tuple)) else [figure]:
            canvas: Any = FigureCanvasAgg(each)
            canvas.draw()
            drawn.append(np.asarray(canvas.buffer_rgba())[..., :3].copy())
            if close and "matplotlib.pyplot" in sys.modules:
                sys.modules["matplotlib.pyplot"].close(each)
        if isinstance(figure, (list, tuple)):
            self.add_images(tag, drawn, global_step, walltime, "HWC")
        else:
            self.add_image(tag, drawn[0], global_step, walltime, "HWC")

    def add_text(self, tag: str, text_string: str, global_step: Any = None, walltime: float | None = None) -> None:
        """A text, which TensorBoard shows as Markdown."""
        if not isinstance(text_string, str):
            raise TypeError(f"add_text: expected a string, got {type(text_string).__name__}")
        self._add(self.log_dir, "text", tag, global_step, walltime, text_string)

    def add_hparams(
        self,
        hparam_dict: Mapping[str, Any],
        metric_dict: Mapping[str, Any],
        hparam_domain_discrete: Mapping[str, Any] | None = None,
        run_name: str | None = None,
        global_step: Any = None,
    ) -> None:
        """The settings of a run, {name: number, text or boolean}, and what it reached, {name: number}, for the table of
        runs; in a folder below, `run_name` or the time."""
        if hparam_domain_discrete is not None:
            raise ValueError("add_hparams: the values a setting could have are not written; leave the argument out")
        settings = {name: _setting(name, value) for name, value in hparam_dict.items()}
        reached = {name: _number("add_hparams", value) for name, value in metric_dict.items()}
        folder = os.path.join(self.log_dir, run_name or str(time.time()))
        for summary in _tensorboardx().summary.hparams(settings, reached):
            self._file(folder).add({"summary": summary}, global_step, None)
        for name, value in reached.items():
            self._add(folder, "scalar", name, global_step, None, value)

    def add_graph(self, model: Any, *_arguments: Any, **_options: Any) -> None:
        """There is none: NotImplementedError, which names what draws one."""
        raise NotImplementedError(
            f"add_graph: the graph of a {type(model).__name__} is not written for TensorBoard; "
            "tinygrad_cnn.viz.draw_graph(model, inputs=...).save('model.html') makes a page of it"
        )

    def __getattr__(self, name: str) -> Any:
        if name.startswith("add_"):
            raise AttributeError(
                f"SummaryWriter has no {name}: it writes scalars, histograms, images, figures, texts and hparams"
            )
        raise AttributeError(f"SummaryWriter has no attribute {name!r}")

    # -------------------------------------------------------------------------------------------------------- the files
    def flush(self) -> None:
        """Bring all entries to the disk."""
        for file in self._files.values():
            file.flush()

    def close(self) -> None:
        """Bring all entries to the disk and close the files."""
        _close(self._files)

    def __enter__(self) -> SummaryWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _add(self, folder: str, kind: str, tag: str, step: Any, walltime: float | None, *content: Any) -> None:
        if not isinstance(tag, str):
            raise TypeError(f"add_{kind}: tag must be a string, got {type(tag).__name__}")
        summary = getattr(_tensorboardx().summary, kind)(tag, *content)
        summary.value[0].tag = f"{tag}/text_summary" if kind == "text" else tag  # which tensorboardX may have changed
        self._file(folder).add({"summary": summary}, step, walltime)

    def _file(self, folder: str) -> _EventFile:
        if folder not in self._files:
            file = _EventFile(folder, self.filename_suffix, self.max_queue, self.flush_secs)
            if self.purge_step is not None and folder == self.log_dir:
                file.add({"file_version": "brain.Event:2"}, self.purge_step, None)
                file.add({"session_log": {"status": "START"}}, self.purge_step, None)
            self._files[folder] = file
        return self._files[folder]


class _EventFile:
    """One file: entries wait until there are `max_queue` of them, and reach the disk every `flush_secs`."""

    def __init__(self, folder: str, suffix: str, max_queue: int, flush_secs: float) -> None:
        os.makedirs(folder, exist_ok=True)
        now = f"{int(time.time()):010d}.{socket.gethostname()}.{os.getpid()}.{next(_files_made)}"
        self._records = _tensorboardx().RecordWriter(os.path.join(folder, f"events.out.tfevents.{now}{suffix}"))
        self._waiting: list[bytes] = []
        self._max_queue, self._flush_secs, self._flushed = max_queue, flush_secs, time.monotonic()
        self.add({"file_version": "brain.Event:2"}, None, None)
        self.flush()

    def add(self, content: dict[str, Any], step: Any, walltime: float | None) -> None:
        event = _tensorboardx().proto.event_pb2.Event(**content)
        event.wall_time = time.time() if walltime is None else float(walltime)
        if step is not None:
            event.step = int(step)
        self._waiting.append(event.SerializeToString())
        if time.monotonic() - self._flushed >= self._flush_secs:
            self.flush()
        elif len(self._waiting) >= self._max_queue:
            self._hand_over()

    def flush(self) -> None:
        self._hand_over()
        self._records.flush()
        self._flushed = time.monotonic()

    def close(self) -> None:
        self.flush()
        self._records.close()

    def _hand_over(self) -> None:
        for entry in self._waiting:
            self._records.write(entry)
        self._waiting.clear()


def _close(files: dict[str, _EventFile]) -> None:
    while files:
        files.popitem()[1].close()


@functools.cache
def _tensorboardx() -> Any:
    try:
        import tensorboardX
        import tensorboardX.proto.event_pb2
        import tensorboardX.summary
    except ImportError as error:
        raise ImportError(
            "SummaryWriter needs the package tensorboardX: pip install 'tinygrad-cnn[tensorboard]'"
        ) from error
    return tensorboardX


@functools.cache
def _growing_bins() -> list[float]:
    """Limits from -1e20 over 0 to 1e20, each a tenth larger than the one before."""
    limits, limit = [], 1e-12
    while limit < 1e20:
        limits.append(limit)
        limit *= 1.1
    return [*(-v for v in reversed(limits)), 0.0, *limits]


def _number(caller: str, value: Any) -> float:
    array = np.asarray(value)
    if array.size != 1 or array.dtype.kind not in "biuf":
        raise TypeError(f"{caller}: expected one number, got {type(value).__name__} of shape {array.shape}")
    return float(array.reshape(()))


def _setting(name: str, value: Any) -> Any:
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if np.asarray(value).size == 1 and np.asarray(value).dtype.kind in "biuf":
        return np.asarray(value).item()
    raise TypeError(f"add_hparams: {name!r} must be a number, a text or a boolean, got {type(value).__name__}")


def _pixels(caller: str, image: Any, dataformats: str) -> NDArray[np.uint8]:
    """The image as uint8, its shape checked."""
    array, names = np.asarray(image), dataformats.upper()
    wanted = ("HW", "CHW") if caller == "add_image" else ("NCHW",)
    if sorted(names) not in [sorted(letters) for letters in wanted]:
        raise ValueError(f"{caller}: dataformats is {' or '.join(wanted)} in any order, got {dataformats!r}")
    if array.ndim != len(names) or array.dtype.kind not in "biuf":
        raise ValueError(f"{caller}: expected numbers of dimensions {names}, got {array.dtype} of shape {array.shape}")
    if "C" in names and array.shape[names.index("C")] not in (1, 3, 4):
        raise ValueError(f"{caller}: an image has 1, 3 or 4 channels, got shape {array.shape} as {names}")
    if array.dtype == np.uint8:
        return array
    with np.errstate(invalid="ignore"):  # NaN has no colour
        return (array.astype(np.float32) * 255).clip(0, 255).astype(np.uint8)
