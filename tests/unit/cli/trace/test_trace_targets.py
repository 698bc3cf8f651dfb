"""Targets of a trace: names, addresses, blocks and files."""

import socket
from pathlib import Path
from typing import Any

import pytest

from hoploom.cli.trace.options import read
from hoploom.cli.trace.targets import gather
from hoploom.kit.errors import BadRequest, ConfigError


@pytest.fixture(autouse=True)
def resolver(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)

    def getaddrinfo(name: str, port: None, family: int, kind: int) -> list[Any]:
        if name != "one.test":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(family, kind, 0, "", ("10.0.0.1", 0)), (family, kind, 0, "", ("10.0.0.2", 0))]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


async def found(*words: str) -> list[tuple[str, str]]:
    return (await gather(read(list(words)))).pairs


async def test_names_and_addresses_keep_their_order_and_come_once() -> None:
    assert await found("10.0.0.9", "one.test", "10.0.0.1", "2001:db8::1", "10.0.0.9") == [
        ("10.0.0.9", "10.0.0.9"), ("one.test", "10.0.0.1"), ("2001:db8::1", "2001:db8::1")]  # fmt: skip


async def test_a_name_that_is_not_there_is_told_with_the_reason() -> None:
    targets = await gather(read(["none.test", "10.0.0.1"]))
    assert targets.pairs == [("10.0.0.1", "10.0.0.1")]
    assert [(each.target, each.reason) for each in targets.unknown] == [("none.test", "Name or service not known")]


async def test_a_block_is_all_its_addresses() -> None:
    assert sorted(address for _, address in await found("10.0.0.0/30")) == [f"10.0.0.{each}" for each in range(4)]


async def test_a_public_block_is_sampled_unless_all_are_asked_for() -> None:
    assert len(await found("8.0.0.0/20")) == 16
    assert len(await found("8.0.0.0/24", "--per-prefix", "24:all")) == 256


async def test_a_file_holds_blocks(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("10.0.0.1\n10.0.1.0/31 # two\n", encoding="utf-8")
    assert sorted(address for _, address in await found("list.txt")) == ["10.0.0.1", "10.0.1.0", "10.0.1.1"]


async def test_blocks_of_the_other_family_are_left_out() -> None:
    assert [address for _, address in await found("-6", "10.0.0.0/31", "fd00::/128")] == ["fd00::"]


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["bad.txt"], "bad.txt:1"),
        (["no/such/file"], "no file or folder"),
        (["10.0.0.1/8"], "10.0.0.1/8"),
        (["224.0.0.1"], "multicast"),
        (["224.0.0.0/24"], "multicast"),
        (["10.0.0.0/8"], "--max-targets"),
        (["--max-targets", "1", "10.0.0.1", "10.0.0.2"], "2 targets are more than 1 (--max-targets)"),
        (["--per-prefix", "x", "10.0.0.0/30"], "PREFIX:COUNT"),
    ],
)
async def test_what_cannot_be_traced_is_refused_in_one_sentence(tmp_path: Path, words: list[str], part: str) -> None:
    (tmp_path / "bad.txt").write_text("not a block\n", encoding="utf-8")
    with pytest.raises((ConfigError, BadRequest)) as caught:
        await gather(read(words))
    assert part in str(caught.value)
