"""The callback that writes the numbers of each epoch into a CSV file."""

from __future__ import annotations

import csv
import os
from pathlib import Path
from typing import Any

from ..io.atomic import replace_file
from ..io.opening import open_file
from .callbacks import Callback, Logs, Run
from .history import csv_lines, is_number


class CSVLogger(Callback):
    """Writes the numbers of each epoch as a line of a CSV file, which is complete after every epoch.

    An existing file is continued (``append=True``) or replaced. It must have the same columns. A line cut short by a
    crash is dropped, and so are, when a run is resumed, the lines of epochs that it will do again.
    """

    order = 20
    needed = False

    def __init__(self, path: str | os.PathLike[str], append: bool = True) -> None:
        self.path, self.append = os.fspath(path), append
        self._columns: list[str] | None = None
        self._written = 0  # the last epoch in the file, of a run that goes on

    def on_fit_start(self, trainer: Run) -> None:
        """As `Callback.on_fit_start`; ValueError for an existing file that is no such log."""
        resumed = trainer.epoch > 0 or trainer.batch > 0
        continues = self.append or resumed
        self._columns, self._written = None, 0
        Path(self.path).parent.mkdir(parents=True, exist_ok=True)
        if not os.path.exists(self.path) or not continues:
            replace_file(self.path, b"")  # an error about the place comes now, not an epoch later
            return
        text, rows = self._found()
        if not rows:
            return
        columns, *rows = rows
        if resumed:
            at = columns.index("epoch")
            rows = [row for row in rows if not row[at].isdigit() or int(row[at]) <= trainer.epoch]
            self._written = max((int(row[at]) for row in rows if row[at].isdigit()), default=0)
        kept = csv_lines([columns, *rows])
        if kept != text:
            replace_file(self.path, kept.encode())
        self._columns = columns

    def _found(self) -> tuple[str, list[list[str]]]:
        """The text of the log that is there, and its whole lines as rows, the names of the columns first."""
        with open_file(self.path, "CSVLogger") as file:
            raw = file.read()
        try:
            text = raw.decode("utf-8")
            rows = [row for row in csv.reader(text[: text.rfind("\n") + 1].splitlines()) if row]
        except (UnicodeDecodeError, csv.Error) as error:
            raise ValueError(f"CSVLogger: {self.path!r} is no log of epochs: {error}") from None
        if rows and "epoch" not in rows[0]:
            first = ",".join(rows[0])[:200]
            raise ValueError(f"CSVLogger: {self.path!r} is no log of epochs, its first line is {first!r}")
        for number, row in enumerate(rows, 1):
            if len(row) != len(rows[0]):
                raise ValueError(
                    f"CSVLogger: {self.path!r}, line {number}, has {len(row)} values, the first line {len(rows[0])} "
                    "names. Mend the line or delete it, or use another file"
                )
        return text, rows

    def on_epoch_end(self, trainer: Run, logs: Logs) -> None:
        """As `Callback.on_epoch_end`."""
        if trainer.epoch <= self._written:  # the run was saved at this moment, and went on to write the line
            return
        row = {name: value for name, value in logs.items() if is_number(value)}
        lines = []
        if self._columns is None:
            self._columns = list(row)
            lines.append(self._columns)
        if set(row) != set(self._columns):
            raise ValueError(
                f"CSVLogger: {self.path!r} has the columns {', '.join(self._columns)}; this epoch {', '.join(row)}. "
                "Use another file, or append=False to replace this one"
            )
        lines.append([_plain(row[name]) for name in self._columns])
        with open(self.path, "a", newline="", encoding="utf-8") as file:
            file.write(csv_lines(lines))


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value
