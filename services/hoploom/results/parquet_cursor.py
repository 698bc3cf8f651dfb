"""How far the Parquet files have a data set: kept in merged.db itself, so that both are restored together.

Which rows come next is written down before they are: whoever is killed meanwhile writes the same rows into files of the
same names. Rows of merged.db keep their rowids, and new ones come behind them.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import apsw

from hoploom.kit.errors import ConfigError
from hoploom.results import parquet_files, parquet_places
from hoploom.results.parquet_places import Span

_MARK: Final = "INSERT INTO meta VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
_NUMBER: Final = re.compile(r"\d{1,15}")


class Cursor:
    """Where one table stands."""

    def __init__(self, merged: apsw.Connection, folder: Path, table: str) -> None:
        """Read the marks, and compare them with the files.

        Args:
            merged: Connection to merged.db, without a transaction.
            folder: The Parquet set.
            table: Name of the table.

        Raises:
            ConfigError: The files hold rows that merged.db does not know of.
            Unavailable: The disk refuses.
        """
        self._merged, self._table = merged, table
        self._done, self._planned = self._mark("upto"), self._mark("planned")
        # Two sorts of names alone: a set that somebody has removed is written anew from the first row.
        if not (folder / table).is_dir():
            self._begin_anew()
        self._refuse_ahead(folder)
        self._remove_unfinished(folder)

    def following(self, most: int) -> Span | None:
        """The rows that come next; None when all are in files.

        Args:
            most: At most so many.
        """
        newest: int = self._merged.execute(f"SELECT coalesce(max(rowid), 0) FROM {self._table}").get
        if self._planned <= self._done:
            if newest <= self._done:
                return None
            self._planned = min(newest, self._done + most)
            self._write("planned", self._planned)
        return Span(self._done, self._planned)

    def passed(self, span: Span) -> None:
        """Note that rows are in files, durably."""
        self._write("upto", span.upto)
        self._done = span.upto

    def _begin_anew(self) -> None:
        # Written down before there is a folder again: whoever is killed then must not go on behind the old mark.
        if self._done or self._planned:
            self._write("planned", 0)
            self._write("upto", 0)
        self._done = self._planned = 0

    def _remove_unfinished(self, folder: Path) -> None:
        """Remove the files of a slice that was broken off: its rows may belong to other days by now.

        A store that had a batch earlier may have come meanwhile, and with it another correction of the worker's clock.
        """
        if self._planned > self._done:
            for path, span in self._files(folder):
                if span.above >= self._done:
                    with parquet_files.told(folder):
                        path.unlink()

    def _files(self, folder: Path) -> list[tuple[Path, Span]]:
        paths = (folder / self._table).glob(parquet_places.ALL)
        return [(path, span) for path in paths if (span := parquet_places.span(path.name))]

    def _refuse_ahead(self, folder: Path) -> None:
        if any(span.upto > self._planned for _, span in self._files(folder)):
            raise ConfigError(
                f"{folder / self._table} holds rows that merged.db does not: one of them is of an older copy; "
                "remove the folder, and it is written anew"
            )

    def _mark(self, name: str) -> int:
        value = self._merged.execute("SELECT value FROM meta WHERE name = ?", (self._name(name),)).get
        return int(value) if isinstance(value, str) and _NUMBER.fullmatch(value) else 0

    def _write(self, name: str, value: int) -> None:
        self._merged.execute(_MARK, (self._name(name), str(value)))

    def _name(self, name: str) -> str:
        return f"parquet_{name}:{self._table}"
