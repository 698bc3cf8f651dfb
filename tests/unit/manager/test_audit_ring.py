"""What people have changed, as all managers keep and read it together."""

import pytest

from hoploom.kit.errors import Unavailable
from hoploom.kit.fake_consul import FakeConsul
from hoploom.manager.audit_ring import KEY, MOST, Entry, Ring


def line(number: int, what: str = "all probing") -> Entry:
    return Entry(at_us=number, who="ada (admin)", action="pause", what=what, request="r-1")


async def test_lines_of_all_managers_stand_in_one_list_newest_first(fake_consul: FakeConsul) -> None:
    rings = [Ring(fake_consul), Ring(fake_consul)]
    for number in range(6):
        rings[number % 2].add(line(number))
    for each in rings:
        await each.write()
        await each.write()
    assert [each["at_us"] for each in await rings[0].newest()] == [5, 4, 3, 2, 1, 0]


async def test_only_the_newest_are_kept_and_they_fit(fake_consul: FakeConsul) -> None:
    ring = Ring(fake_consul)
    for number in range(3 * MOST):
        long = "\N{ROCKET}" * 999
        ring.add(Entry(at_us=number, who=long, action=long, what=long, request="r" * 32))
        if number % MOST == 0:
            await ring.write()
    await ring.write()
    found = await ring.newest()
    assert [each["at_us"] for each in found] == list(range(3 * MOST - 1, 2 * MOST - 1, -1))


async def test_what_could_not_be_written_is_written_later(fake_consul: FakeConsul) -> None:
    ring = Ring(fake_consul)
    ring.add(line(1))
    fake_consul.away = True
    with pytest.raises(Unavailable):
        await ring.write()
    await ring.write_if_possible()
    fake_consul.away = False
    ring.add(line(2))
    await ring.write()
    assert [each["at_us"] for each in await ring.newest()] == [2, 1]


async def test_a_line_stays_one_line(fake_consul: FakeConsul) -> None:
    ring = Ring(fake_consul)
    ring.add(line(1, "a\nb\x00\udcff"))
    await ring.write()
    assert [each["what"] for each in await ring.newest()] == ["a·b··"]


@pytest.mark.parametrize("value", [b"", b"[]", b'{"v":1,"lines":[1]}', b'{"v":1,"lines":[{"at_us":-1}]}', b"[" * 9999])
async def test_what_is_damaged_begins_anew(fake_consul: FakeConsul, value: bytes) -> None:
    await fake_consul.kv_put(KEY, value)
    ring = Ring(fake_consul)
    assert await ring.newest() == []
    ring.add(line(1))
    await ring.write()
    assert len(await ring.newest()) == 1
