"""Our key among Fabio's overrides: read, judged, and set against the index that was read."""

import pytest

from hoploom.kit.errors import ConfigError, Leaderless, Unavailable
from hoploom.kit.fake_consul import FakeConsul
from hoploom.routing import editions
from hoploom.routing.overrides import MAX_BYTES, Overrides


async def test_ours_is_apart_from_the_others() -> None:
    consul = FakeConsul()
    await consul.kv_put("fabio/config/zz", b"route del x")
    await consul.kv_put("fabio/elsewhere", b"not read")
    ours = Overrides(consul, "/fabio/config/")
    assert (await ours.read()).text == ""
    assert await ours.write("route del a\n", 0)
    text, others = await ours.all()
    assert (text.text.strip(), others) == ("route del a", [("fabio/config/zz", "route del x")])
    assert text.edition == editions.edition("route del a")
    assert await ours.others() == others


async def test_who_was_overtaken_writes_nothing() -> None:
    ours = Overrides(FakeConsul())
    assert await ours.write("route del a", 0)
    assert not await ours.write("route del b", 0)
    assert "route del a" in (await ours.read()).text


class Electing(FakeConsul):
    """Its servers have no leader for the first two writes; of the first one it is not known what became of it."""

    writes_first = False
    tries = 0

    async def kv_put_of(self, dc: str, key: str, value: bytes, *, cas: int | None = None) -> bool:
        self.tries += 1
        if self.tries == 1 and self.writes_first:
            await super().kv_put_of(dc, key, value, cas=cas)
        if self.tries <= 2:
            raise Leaderless("No cluster leader")
        return await super().kv_put_of(dc, key, value, cas=cas)


@pytest.mark.parametrize("is_written", [False, True], ids=["it was not written", "it was written, and nobody said so"])
async def test_a_write_outlasts_an_election(is_written: bool) -> None:
    consul = Electing()
    consul.writes_first = is_written
    ours = Overrides(consul)
    assert await ours.write("route del a", 0) is not is_written
    assert (consul.tries, "route del a" in (await ours.read()).text) == (3, True)


@pytest.mark.parametrize(("text", "reason"), [("route nonsense", "is refused"), ("# " + "x\n# " * MAX_BYTES, "bytes")])
async def test_what_fabio_would_refuse_is_not_written(text: str, reason: str) -> None:
    ours = Overrides(FakeConsul())
    with pytest.raises(ConfigError, match=reason):
        await ours.write(text, 0)
    assert (await ours.read()).index == 0


async def test_each_datacenter_has_its_own() -> None:
    here, there = FakeConsul(), FakeConsul("dc2")
    here.wan["dc2"] = there
    await Overrides(here, dc="dc2").write("route del a", 0)
    assert (await Overrides(here).read()).text == ""
    assert "route del a" in (await Overrides(there).read()).text
    here.away_datacenters.add("dc2")
    with pytest.raises(Unavailable):
        await Overrides(here, dc="dc2").read()
