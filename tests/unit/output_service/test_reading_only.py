"""A question to a store can do nothing but read."""

import pytest

from hoploom.kit.errors import Unavailable
from hoploom.output_service.store import Store
from unit.wire.batches import make

HOSTILE = {
    "another file is attached": "ATTACH 'other.db' AS other",
    "a file is made": "VACUUM INTO '/nowhere/stolen.db'",
    "a pragma is set": "PRAGMA journal_mode = DELETE",
    "a pragma is read": "PRAGMA database_list",
    "rows go": "DELETE FROM batches",
    "a table goes": "DROP TABLE batches",
    "a table is made": "CREATE TEMP TABLE x (y)",
    "code is loaded": "SELECT load_extension('evil.so')",
}


@pytest.mark.parametrize("case", HOSTILE)
async def test_it_is_refused_that(store: Store, case: str) -> None:
    await store.append(make())
    with pytest.raises(Unavailable, match=r"not authorized|authorization denied"):
        await store.ask(lambda connection: connection.execute(HOSTILE[case]).get)
    assert await store.ask(lambda connection: connection.execute("SELECT count(*) FROM batches").get) == 1
