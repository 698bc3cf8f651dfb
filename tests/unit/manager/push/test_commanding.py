"""Commands in the KV store: changed by several at once, none of them is lost."""

import asyncio

import pytest

from hoploom.kit.consul_records import KvEntry
from hoploom.kit.errors import Unavailable
from hoploom.kit.fake_consul import FakeConsul
from hoploom.manager.push.commanding import Commanding
from hoploom.wire.commands import Commands


class Slow(FakeConsul):
    """Whoever reads is overtaken by others before it writes."""

    async def kv_get(self, key: str, *, consistent: bool = False) -> KvEntry | None:
        found = await super().kv_get(key, consistent=consistent)
        await asyncio.sleep(0)
        return found


class Refusing(FakeConsul):
    """Somebody else is always quicker."""

    async def kv_put(self, key: str, value: bytes, *, cas: int | None = None) -> bool:
        return False


def more(before: Commands) -> Commands:
    return Commands(run=before.run + 1)


async def test_changes_of_the_same_moment_all_count() -> None:
    consul = Slow()
    found = await asyncio.gather(*(Commanding(consul).change("pi-1", more) for _ in range(5)))
    assert sorted(each.run for each in found) == [1, 2, 3, 4, 5]


async def test_it_gives_up_where_it_never_comes_first() -> None:
    with pytest.raises(Unavailable, match="too many"):
        await Commanding(Refusing()).change("pi-1", more)
