"""Where an audit looks, and where it does not."""

import argparse
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hoploom.cli.routes import places
from hoploom.cli.routes.places import Places
from hoploom.kit.errors import ConfigError
from hoploom.kit.http_client import HttpClient
from unit.cli.routes.engines_made import FakeEngines, engines_made

NOBODY = "http://127.0.0.1:1"


@pytest.fixture(autouse=True)
def nothing_else(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("CONSUL_HTTP_ADDR", "CONSUL_HTTP_TOKEN", "CONSUL_HTTP_TOKEN_FILE", "CONSUL_HTTP_SSL", "HOPLOOM_MESH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOPLOOM_STATE", str(tmp_path))
    # Other meshes of this machine have the usual ports.
    monkeypatch.setattr(places, "_PAGES_PORT", 1)
    monkeypatch.setattr(places, "_CONSUL", NOBODY)


@pytest.fixture
async def engines() -> AsyncIterator[FakeEngines]:
    async with engines_made() as made:
        yield made


async def looked(*words: str) -> Places:
    parser = argparse.ArgumentParser()
    places.add_arguments(parser)
    http = HttpClient()
    try:
        async with places.found(parser.parse_args(words), http) as found:
            return found
    finally:
        await http.close()


def sources(found: Places) -> list[str]:
    return [each.pages or each.table for each in found.sources]


async def test_pages_that_are_named_are_looked_at_and_no_consul(engines: FakeEngines) -> None:
    found = await looked("--fabio-admin", engines.url)
    assert (sources(found), found.consul, found.unseen) == ([engines.url], None, [])


async def test_no_token_is_read_for_a_consul_that_is_not_asked(
    engines: FakeEngines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONSUL_HTTP_TOKEN_FILE", "/nonexistent/token")
    assert sources(await looked("--fabio-admin", engines.url)) == [engines.url]


async def test_a_fabio_may_be_named_by_its_pages_and_twice_is_once(engines: FakeEngines) -> None:
    found = await looked("--fabio", engines.url, "--fabio-admin", f"127.0.0.1:{engines.port}")
    assert sources(found) == [engines.url]


async def test_a_fabio_that_is_named_by_where_it_routes_shows_its_pages_at_the_usual_port(
    engines: FakeEngines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "_PAGES_PORT", engines.port)
    assert sources(await looked("--fabio", "http://127.0.0.1:9999")) == [engines.url], "its configuration says 9999"
    engines.config["Listen"] = [{"Addr": ":9977"}]
    with pytest.raises(ConfigError, match="--fabio-admin"):
        await looked("--fabio", "http://127.0.0.1:9999")


async def test_an_address_of_another_host_is_not_guessed(engines: FakeEngines) -> None:
    engines.add("fabio", "10.9.9.9", 9998)
    engines.add("fabio-routes", "127.0.0.1", 9998, proxy="10.9.9.9:9999", path="/_mesh/n1/api/routes")
    found = await looked("--consul", engines.url)
    assert any("--fabio-admin http://10.9.9.9:9998" in each for each in found.unseen)
    assert sources(found) == ["http://10.9.9.9:9999/_mesh/n1/api/routes"], "a mesh of ours says where its tables are"


async def test_the_pages_of_this_machine_stand_in_for_what_its_mesh_routes(engines: FakeEngines) -> None:
    engines.add("fabio-routes", "127.0.0.1", engines.port, proxy="127.0.0.1:9999", path="/_mesh/n1/api/routes")
    engines.add("fabio", "127.0.0.1", engines.port)
    found = await looked("--consul", engines.url)
    assert (sources(found), found.unseen) == ([engines.url], [])


async def test_a_fabio_at_the_usual_port_is_looked_at_where_it_reads_that_consul(
    engines: FakeEngines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "_PAGES_PORT", engines.port)
    assert sources(await looked("--consul", engines.url)) == [], "it reads 8500"
    engines.config["Registry"]["Consul"]["Addr"] = f"localhost:{engines.port}"
    assert sources(await looked("--consul", engines.url)) == [engines.url]


async def test_the_environment_names_a_consul(engines: FakeEngines, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONSUL_HTTP_ADDR", f"127.0.0.1:{engines.port}")
    found = await looked()
    assert found.where == engines.url
    assert any("--fabio-admin" in each for each in found.unseen)


async def test_a_consul_that_nobody_named_may_be_away(engines: FakeEngines, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "_PAGES_PORT", engines.port)
    engines.config["Registry"]["Consul"]["Addr"] = "localhost:1"
    found = await looked()
    assert (sources(found), found.consul) == ([engines.url], None)
    assert any("nobody answers" in each for each in found.unseen)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--consul", NOBODY), "does not answer"),
        (("--consul", "ftp://x"), "address of Consul"),
        (("--fabio-admin", "http://"), "pages of a Fabio"),
        (("--fabio", "http://[x"), "address of a Fabio"),
        (("--mesh", "nope"), "nope"),
        (("--fabio", NOBODY), "could be looked at"),
        ((), "could be looked at"),
    ],
)
async def test_what_cannot_be_looked_at_is_said_with_the_way_out(words: tuple[str, ...], reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        await looked(*words)


async def test_only_questions_are_asked(engines: FakeEngines) -> None:
    engines.add("fabio", "127.0.0.1", engines.port)
    await looked("--consul", engines.url, "--fabio", engines.url)
    assert engines.methods == {"GET"}
