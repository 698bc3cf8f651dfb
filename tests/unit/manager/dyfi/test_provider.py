"""The call itself, at a server of loopback that speaks the protocol and has bad days."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from yarl import URL

from hoploom import __version__
from hoploom.kit.errors import Unavailable
from hoploom.manager.dyfi import provider
from hoploom.manager.dyfi.account import Account
from hoploom.manager.dyfi.provider import TooLate, tell
from lab.dyndns import Provider
from lab.dyndns_server import CUTS, FLOODS, HANGS, REDIRECTS, TRICKLES, Server, served
from waiting import eventually

NAMES = ("a.dy.fi", "b.dy.fi")
AGENT = f"hoploom/{__version__} (noc@example.org)"


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with served(Provider.of(*NAMES)) as made:
        yield made


@pytest.fixture
def account(server: Server) -> Account:
    return Account(NAMES, "me", "secret", URL(server.url), None, AGENT)


async def test_names_are_told_in_one_request_that_says_who_asks(server: Server, account: Account) -> None:
    found = await tell(account, NAMES, lambda: True)
    assert [(each.word, each.address) for each in found] == [("good", "127.0.0.1")] * 2
    [heard] = server.provider.heard
    assert (heard.names, heard.agent) == (NAMES, AGENT)


async def test_a_url_may_have_a_query_of_its_own(server: Server, account: Account) -> None:
    asked = replace(account, url=URL(f"{server.url}?system=dyndns"))
    assert [each.word for each in await tell(asked, NAMES[:1], lambda: True)] == ["good"]


async def test_a_wrong_password_is_badauth(server: Server, account: Account) -> None:
    found = await tell(replace(account, password="ööö"), NAMES, lambda: True)
    assert [each.word for each in found] == ["badauth", "badauth"]


async def test_nothing_is_sent_when_the_last_look_says_no(server: Server, account: Account) -> None:
    with pytest.raises(TooLate):
        await tell(account, NAMES, lambda: False)
    assert (server.connections, server.provider.heard) == (0, [])


async def test_the_last_look_is_made_when_the_connection_stands(account: Account) -> None:
    """Or a process that is stopped while it connects would send when it goes on."""
    got: list[bytes] = []

    async def met(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        got.append(await reader.read())
        writer.close()

    async with await asyncio.start_server(met, "127.0.0.1", 0) as plain:
        url = URL(f"http://127.0.0.1:{plain.sockets[0].getsockname()[1]}/nic/update")
        with pytest.raises(TooLate):
            await tell(replace(account, url=url), NAMES, lambda: False)
        await eventually("the connection's end", lambda: got)
    assert got == [b""], "it was connected, and not a byte was sent"


@pytest.mark.parametrize("habit", [HANGS, TRICKLES, CUTS])
async def test_a_provider_that_hangs_trickles_or_cuts_gives_no_answer_and_is_asked_once(
    server: Server, account: Account, habit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provider, "CALL_S", 0.3)
    server.habit = habit
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1 gave no answer"):
        await tell(account, NAMES, lambda: True)
    assert server.connections == 1


async def test_a_flood_is_read_no_further_than_an_answer_can_be_long(server: Server, account: Account) -> None:
    server.habit = FLOODS
    found = await tell(account, NAMES, lambda: True)
    assert {each.word for each in found} == {"1 lines for 2 names"}


async def test_a_redirect_is_no_answer_and_the_password_goes_nowhere_else(server: Server, account: Account) -> None:
    server.habit = REDIRECTS
    assert {each.word for each in await tell(account, NAMES, lambda: True)} == {"status 302"}
    assert server.connections == 1


async def test_nobody_there_is_no_answer(account: Account) -> None:
    with pytest.raises(Unavailable, match="gave no answer"):
        await tell(replace(account, url=URL("http://127.0.0.1:1/nic/update")), NAMES, lambda: True)
