"""Matrix, series and map: what they show, of nothing, of little, of very much, and of hostile names."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from hoploom.kit.errors import NotFound
from hoploom.kit.fake_consul import FakeConsul
from hoploom.kit.testing import OnMesh
from hoploom.manager.fleet.matrix import Pair
from hoploom.manager.fleet.measured import Measured
from hoploom.manager.measures.fleet_look import FLEET_LOOK
from hoploom.wire.rollup import Place
from unit.manager.measures.measured import cell, cells_of
from unit.manager.pages.measured_world import NUMBER, World, campaign, world

PAGES = ("/matrix", "/matrix/fleet", "/series", "/map")
XSS = '"><script>alert(1)</script><img src=x onerror=alert(2)>'
ARABIC = "\u0627\u0644\u0639\u0627\u0645\u0644 " * 28


@pytest.fixture
async def there(tmp_path: Path, fake_consul: FakeConsul, on_mesh: OnMesh) -> AsyncIterator[World]:
    async with world(tmp_path, fake_consul, on_mesh, outputs=()) as made:
        yield made


def look_at(there: World, found: Measured | None) -> None:
    """Have this be the fleet's matrix."""

    async def read() -> Measured:
        if found is None:
            raise NotFound("the fleet was not measured yet: `hoploom map @fleet` does")
        return found

    there.app[FLEET_LOOK]._read = read


async def test_an_empty_mesh_is_told_what_to_do(there: World) -> None:
    there.campaigns.clear()
    look_at(there, None)
    await there.app[FLEET_LOOK].look()
    found = {path: await there.page(path) for path in PAGES}
    assert "hoploom map TARGETS" in found["/matrix"] and "hoploom map TARGETS" in found["/series"]
    assert "hoploom map @fleet" in found["/matrix/fleet"]
    assert "There is no worker yet" in found["/map"] and "No campaign has run yet" in found["/map"]


async def test_a_campaign_without_data(there: World) -> None:
    assert "are being gathered" in await there.page("/matrix")
    there.measured(cells_of([]))
    for path in ("/matrix", "/series"):
        assert "No result of this campaign has come in yet" in await there.page(path)
    assert "has come in yet" in await there.page("/map")


async def test_a_series_without_data_keeps_what_was_asked_for(there: World) -> None:
    there.measured(cells_of([cell("pi-1", "x", 0, [1000])]))
    text = await there.page("/series?worker=nobody&network=nowhere")
    assert "Nothing was measured" in text and "<option selected>nobody</option>" in text


async def test_a_matrix_of_one_worker(there: World) -> None:
    there.measured(cells_of([cell("pi-1", "amazon_ipv4", 0, [12_000] * 9, lost=1)]))
    text = await there.page("/matrix")
    assert "1 worker \u00d7 1 network" in text and "10 % lost" in text and 'class="loss-3"' in text
    assert "series?campaign=first-map&amp;span=1+day&amp;worker=pi-1&amp;network=amazon_ipv4" in text


async def test_500_workers_and_256_networks_are_one_small_page(there: World) -> None:
    there.measured(cells_of([cell(f"w{row:03}", f"n{row % 256:03}", 0, [1_000] * 3, lost=row) for row in range(500)]))
    text = await there.page("/matrix")
    assert "500 workers \u00d7 256 networks" in text and "Next workers" in text and "Next networks" in text
    assert text.index("w499") < text.index("w498") and "w100" not in text
    assert len(text) < 300_000
    assert "w000" in await there.page("/matrix?rows=13")


async def test_a_shade_never_stands_alone(there: World) -> None:
    there.measured(cells_of([cell("pi-1", "x", 0, [250_000] * 3), cell("pi-2", "x", 0, [], lost=3)]))
    for order, shades in (("loss", ("loss-0", "loss-6")), ("p50", ("shade-6", "shade-none"))):
        text = await there.page(f"/matrix?by={order}")
        assert all(f'class="{each}"' in text for each in shades)
        fields = re.findall(r'<td class="(?:loss|shade)-[^"]+">(.*?)</td>', text)
        assert fields and all("lost</small>" in each and "<strong>" in each for each in fields)


async def test_silent_outputs_are_named(there: World) -> None:
    there.measured(cells_of([cell("pi-1", "x", 0, [1000])]), silent=("output-7c1d",))
    for path in ("/matrix", "/series", "/map"):
        assert "No answer from <bdi>output-7c1d</bdi>" in await there.page(path)


async def test_a_series_is_a_plot_and_a_table_that_say_the_same(there: World) -> None:
    there.measured(cells_of([cell("pi-1", "x", period, [10_000] * 9 + [900_000], lost=period) for period in (0, 1, 5)]))
    text = await there.page("/series?worker=pi-1&span=1+hour")
    pictures = [ElementTree.fromstring(each) for each in re.findall(r'<svg viewBox.*?</svg>', text, re.DOTALL)]
    assert [len(each.findall(".//path[@class='line p50']")) for each in pictures] == [1, 0]
    assert ", logarithmic" in text and text.count('class="gap"') == 2
    assert len(re.findall(r'<th scope="row" class="nowrap">', text)) == 3
    assert "33.3 %" in text


async def test_no_campaign_of_that_name(there: World) -> None:
    for path in ("/matrix", "/series", "/map"):
        assert "there is no campaign" in await there.page(f"{path}?campaign=%27+OR+1%3D1", status=404)


@pytest.mark.parametrize(
    "query", ["span=%27%3B+DROP", "by=p50%3B--", "rows=-1", "rows=99999999999", "columns=1e9", "rows=%00"]
)
async def test_what_makes_no_sense_is_the_usual(there: World, query: str) -> None:
    there.measured(cells_of([cell("pi-1", "x", 0, [1000])]))
    assert "1 worker \u00d7 1 network" in await there.page(f"/matrix?{query}")


async def test_workers_stand_on_the_map_with_a_shape_for_each_state(there: World) -> None:
    there.hear("pi-tampere", place="Tampere, FI", latitude=61.5, longitude=23.8)
    there.hear("pi-rome", place="Rome, IT", latitude=41.9, longitude=12.5, status="warning")
    there.hear("pi-rome-2", place="Rome, IT", latitude=41.9, longitude=12.5)
    there.hear("pi-nowhere", place="in a drawer")
    text = await there.page("/map")
    picture = re.search(r'<svg class="world".*?</svg>', text, re.DOTALL)
    assert picture
    ElementTree.fromstring(picture[0])
    assert picture[0].count("<circle") == 1 and "pi-tampere: passing, Tampere, FI" in picture[0]
    assert picture[0].count("<path") == 1 and "pi-rome: warning, Rome, IT; pi-rome-2: passing" in picture[0]
    assert "4 workers, 3 with a place" in text
    assert "in a drawer" in text.partition("Without a place")[2]
    assert 'href="static/world.svg#land"' in picture[0]


async def test_targets_are_circles_and_countries_where_there_is_a_geoip_file(there: World) -> None:
    place = {"campaign": NUMBER, "latitude": 60, "longitude": 24}
    there.measured(
        cells_of([cell("pi-1", "x", 0, [1000])]),
        Place(country="FI", targets=1200, answered=1100, **place),
        Place(country="", targets=5, answered=0, **place),
    )
    text = await there.page("/map")
    assert "FI: 1,200 targets, 92% answered" in text and 'class="target unanswered"' in text
    assert "not known" in text.partition("Targets by country")[2]


async def test_the_fleet_has_its_bad_pairs_first_and_in_words(there: World) -> None:
    pairs = (Pair("a", "b", 1500, 0.0, 20), Pair("z", "a", 90_000, 0.2, 20, "in each of 3 rounds up to 20% lost"))
    look_at(there, Measured("fleet-1", ("a", "b", "z"), pairs))
    await there.app[FLEET_LOOK].look()
    text = await there.page("/matrix/fleet")
    assert "1 bad pair" in text and "in each of 3 rounds up to 20% lost" in text and "■ bad" in text
    assert text.index('href="../fleet/a"') < text.index('href="../fleet/b"')


async def test_a_fleet_of_nobody_else(there: World) -> None:
    look_at(there, Measured("fleet-1", (), ()))
    await there.app[FLEET_LOOK].look()
    assert "No worker lets others probe it" in await there.page("/matrix/fleet")


NAMES = {"markup": XSS, "right to left": ARABIC[:200], "jinja": "{{7*7}}", "shell": "${x}"}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
async def test_names_of_others_are_inert_wherever_they_stand(there: World, name: str) -> None:
    there.campaigns[:] = [campaign(name=name)]
    there.campaigns[0]["campaign"]["id"] = "first-map"
    there.measured(cells_of([cell(name, name, 0, [1000])]), silent=(name,))
    there.hear("pi-1", place=name[:120], note=name, latitude=1.0, longitude=1.0)
    there.hear("pi-2", place=name[:120], status="warning", note=name)
    look_at(there, Measured(name, (name,), (Pair(name, "b", 1500, 0.0, 20, name),)))
    await there.app[FLEET_LOOK].look()
    for path in (*PAGES, "/series?worker=" + name.replace(" ", "+").replace('"', "%22").replace("{", "%7B")):
        text = await there.page(path)
        assert "<script>alert" not in text and "<img src=x" not in text and ">49<" not in text
        assert "<bdi>" in text
