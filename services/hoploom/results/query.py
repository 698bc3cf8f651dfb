"""Answers questions in SQL over a Parquet set: reading only, within bounds of time and memory.

Whoever asks gets one SELECT. DuckDB may open nothing but the set's folder, loads no extension, and lets nothing of that
be changed; a statement that would write is not even begun, since a folder that may be read may be written as well.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from hoploom.kit.errors import BadRequest, ConfigError
from hoploom.results import parquet_columns, parquet_places
from hoploom.results.parquet_columns import PARTITION, Form
from hoploom.results.parquet_engine import Engine, Limits, Row, literal, pattern, sentence

LIMITS: Final = Limits(memory_mb=1_024, spill_mb=8_192, threads=2)
_CHUNK_ROWS: Final = 1_000


class Answer(NamedTuple):
    """What a query answers.

    Attributes:
        columns: Names of its columns.
        rows: Its rows, read while they are asked for; raises as `asked` does.
    """

    columns: tuple[str, ...]
    rows: Iterator[Row]


@contextmanager
def asked(folder: Path, statement: str, timeout_s: float, limits: Limits = LIMITS) -> Iterator[Answer]:
    """Ask a Parquet set; the answer is there until the context ends.

    Args:
        folder: The set.
        statement: One SELECT over the views `ping_results`, `traceroutes` and `traceroute_hops`; it may be hostile.
        timeout_s: Seconds for the query and for reading its answer.
        limits: What it may take.

    Raises:
        BadRequest: The statement is none of those, is wrong, or takes too long or too much.
        ConfigError: There is no Parquet set, or DuckDB is not installed.
    """
    if not any(folder.glob(f"*/{parquet_places.ALL}")):
        raise ConfigError(f"there are no Parquet files in {folder}: `hoploom collect` writes them")
    with tempfile.TemporaryDirectory(prefix="hoploom-query-") as spill:
        engine = Engine(limits, Path(spill))
        alarm = threading.Timer(timeout_s, engine.interrupt)
        alarm.daemon = True
        try:
            with _told(engine, timeout_s, limits):
                _prepare(engine, folder)
                _require_select(engine, statement)
                alarm.start()
                columns = engine.start(statement)
            yield Answer(columns, _rows(engine, timeout_s, limits))
        finally:
            alarm.cancel()
            engine.close()


def _prepare(engine: Engine, folder: Path) -> None:
    """Make the views, and close everything else."""
    for form in parquet_columns.FORMS.values():
        engine.run(f"CREATE VIEW {form.table} AS {_source(folder, form)}")
    # What is allowed is compared with patterns before they are resolved, and with files then.
    allowed = (str(folder.absolute()), pattern(folder.absolute()))
    engine.run(f"SET allowed_directories = [{', '.join(map(literal, allowed))}]")
    engine.run("SET enable_external_access = false")
    engine.run("SET lock_configuration = true")


def _source(folder: Path, form: Form) -> str:
    place = folder.absolute() / form.table
    if not any(place.glob(parquet_places.ALL)):
        return parquet_columns.empty(form)
    types = ", ".join(f"{each.name}: {each.kind}" for each in PARTITION)
    files = literal(f"{pattern(place)}/{parquet_places.ALL}")
    return f"SELECT * FROM read_parquet({files}, hive_partitioning = true, hive_types = {{{types}}})"


def _require_select(engine: Engine, statement: str) -> None:
    if not engine.is_select(statement):
        raise BadRequest("a query is one SELECT statement: nothing can be written, attached, set or loaded")


def _rows(engine: Engine, timeout_s: float, limits: Limits) -> Iterator[Row]:
    with _told(engine, timeout_s, limits):
        while rows := engine.more(_CHUNK_ROWS):
            yield from rows


@contextmanager
def _told(engine: Engine, timeout_s: float, limits: Limits) -> Iterator[None]:
    errors = engine.errors
    try:
        yield
    except errors.InterruptException as error:
        raise BadRequest(f"the query took longer than {timeout_s:g} s: --timeout allows more") from error
    except (errors.OutOfMemoryException, MemoryError) as error:
        raise BadRequest(f"it needs more than {limits.memory_mb:,} MB of memory: --memory allows more") from error
    except errors.IOException as error:
        raise BadRequest(f"a file could not be read, as while small ones become one: ask again ({sentence(error)})"
                         ) from error  # fmt: skip
    except (errors.Error, ValueError, OverflowError) as error:
        raise BadRequest(f"the query cannot be answered: {sentence(error)}") from error
