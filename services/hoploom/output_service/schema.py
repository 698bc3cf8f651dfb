"""The tables of a store: the public ones of `hoploom.results.tables`, and internal ones that no dump has.

`locations` says where the rows of each batch begin, `earlier_batches` what is in files that were closed before.
"""

from typing import Final

import apsw

from hoploom.kit.errors import ConfigError
from hoploom.output_service.migrations import MIGRATIONS

EVERY_BATCH: Final = "(SELECT * FROM earlier_batches UNION ALL SELECT * FROM batches)"
"""All batches that this store ever took, whichever file has their rows: to be read from."""


def of_every_batch(aggregate: str, condition: str) -> str:
    """A query for one number of all batches, by the indexes of both tables.

    Args:
        aggregate: Such as `max(seq)`.
        condition: On batches; its parameters are numbered, because they are used for each table.
    """
    each = (f"SELECT {aggregate} AS found FROM {table} WHERE {condition}" for table in ("earlier_batches", "batches"))
    return f"SELECT {aggregate.partition('(')[0]}(found) FROM ({' UNION ALL '.join(each)})"


def migrate(connection: apsw.Connection) -> None:
    """Bring a database to the newest version; each migration and its number are one transaction.

    Raises:
        ConfigError: A later version of this program made the database.
    """
    while True:
        done = int(connection.pragma("user_version"))
        if done > len(MIGRATIONS):
            reason = f"{connection.filename} has schema {done}, and this program knows {len(MIGRATIONS)}"
            raise ConfigError(f"{reason}: start a newer one, or choose another --db-dir")
        if done >= len(MIGRATIONS):
            return
        connection.execute("BEGIN IMMEDIATE")
        for statement in MIGRATIONS[done]:
            connection.execute(statement)
        connection.pragma("user_version", done + 1)
        connection.execute("COMMIT")
