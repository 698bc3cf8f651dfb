"""DuckDB as this room uses it: within bounds, and with its errors in our words. The one module that imports it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from hoploom.kit.errors import ConfigError, Unavailable
from hoploom.results.parquet_files import refusal

_FULL: Final = "No space left"
_MISSING: Final = "this needs DuckDB, which is not installed: `pip install 'hoploom[query]'` brings it (64-bit systems)"
Row = tuple[Any, ...]


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What DuckDB may take.

    Attributes:
        memory_mb: Memory, in megabytes of 10^6 bytes; what needs more is spilled to the disk where it can be.
        spill_mb: Space on the disk for that.
        threads: Threads.
    """

    memory_mb: int = 192
    spill_mb: int = 4_096
    threads: int = 1


class Engine:
    """A DuckDB of our own in memory."""

    def __init__(self, limits: Limits, spill: Path) -> None:
        """Open it.

        Args:
            limits: What it may take.
            spill: A folder for what does not fit into memory.

        Raises:
            ConfigError: DuckDB is not installed.
        """
        try:
            import duckdb  # noqa: PLC0415 - an extra, and 65 MB that most commands do not need
        except ImportError as error:
            raise ConfigError(_MISSING) from error
        config: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": f"{limits.memory_mb}MB",
            "max_temp_directory_size": f"{limits.spill_mb}MB",
            "temp_directory": str(spill),
            "threads": limits.threads,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "python_enable_replacements": False,
        }
        self.errors = duckdb
        self._connection = duckdb.connect(":memory:", config=config)
        self.run("SET enable_progress_bar = false")

    def run(self, statement: str, parameters: Sequence[object] = ()) -> list[Row]:
        """Run a statement of our own; answers its rows."""
        rows: list[Row] = self._connection.execute(statement, list(parameters)).fetchall()
        return rows

    def start(self, statement: str) -> tuple[str, ...]:
        """Run one that answers many rows; answers the names of its columns."""
        described = self._connection.execute(statement).description or []
        return tuple(each[0] for each in described)

    def more(self, count: int) -> list[Row]:
        """The next rows of what was started; none at the end."""
        rows: list[Row] = self._connection.fetchmany(count)
        return rows

    def is_select(self, statement: str) -> bool:
        """Whether a text is one statement, and only reads."""
        kinds = [each.type for each in self._connection.extract_statements(statement)]
        return kinds == [self.errors.StatementType.SELECT]

    def interrupt(self) -> None:
        """End what runs, from another thread."""
        self._connection.interrupt()

    def insert(self, table: str, cells: str, columns: Mapping[str, Any]) -> None:
        """Append columns to a table.

        Args:
            table: Its name.
            cells: The expressions of a SELECT over the columns.
            columns: Arrays of one length.
        """
        self._connection.register("columns", dict(columns))
        try:
            self.run(f"INSERT INTO {table} SELECT {cells} FROM columns")
        finally:
            self._connection.unregister("columns")

    def close(self) -> None:
        """Give everything back."""
        self._connection.close()


@contextmanager
def working(folder: Path, limits: Limits, spill: Path) -> Iterator[Engine]:
    """An engine for statements of our own over the set in a folder.

    Raises:
        ConfigError: DuckDB is not installed.
        Unavailable: Files cannot be read or written, or it lacks memory.
    """
    engine = Engine(limits, spill)
    try:
        yield engine
    except engine.errors.IOException as error:
        raise refusal(folder, sentence(error), is_full=_FULL in str(error)) from error
    except engine.errors.OutOfMemoryException as error:
        raise Unavailable(f"writing {folder} needs more than {limits.memory_mb} MB of memory") from error
    except engine.errors.Error as error:
        raise refusal(folder, sentence(error), is_full=False) from error
    finally:
        engine.close()


def sentence(error: Exception) -> str:
    """What DuckDB says, without its drawing of where."""
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")


def pattern(path: Path) -> str:
    """A path where DuckDB takes patterns: signs of theirs stand for themselves in brackets."""
    return "".join(f"[{each}]" if each in "*?[" else each for each in str(path))


def literal(value: object) -> str:
    """A text as SQL writes it."""
    return "'" + str(value).replace("'", "''") + "'"


