"""Targets that a person names."""

import io
import socket
from pathlib import Path
from typing import Any

import pytest

from hoploom.cli.lookup import Found, SetAside, Unreadable, interface, names, read_list, require_ordinary, resolve
from hoploom.kit.errors import BadRequest


def test_a_list_holds_the_first_word_of_each_line(tmp_path: Path) -> None:
    path = tmp_path / "list"
    path.write_text("# none\n10.0.0.1 gate\n\n\t 10.0.0.2\r\n#10.0.0.3\nhost# glued\nlast", encoding="utf-8")
    assert read_list(str(path)) == ["10.0.0.1", "10.0.0.2", "host#", "last"]


def test_a_list_may_come_by_stdin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("a\nb\n"))
    assert read_list("-") == ["a", "b"]


@pytest.mark.parametrize(("name", "reason"), [("nothing", "No such file or directory"), (".", "Is a directory")])
def test_a_list_that_cannot_be_read_says_why(tmp_path: Path, name: str, reason: str) -> None:
    with pytest.raises(Unreadable) as caught:
        read_list(str(tmp_path / name))
    assert str(caught.value) == reason


def test_a_list_of_anything_but_text_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "list").write_bytes(b"\xff\xfe\n\0\n10.0.0.1\n")
    assert read_list(str(tmp_path / "list"))[-1] == "10.0.0.1"


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A resolver that knows two names; the list is who was asked for."""
    asked: list[str] = []

    def getaddrinfo(name: str, port: None, family: int, kind: int) -> list[Any]:
        asked.append(name)
        known = {"two.test": ["10.0.0.1", "10.0.0.2", "10.0.0.1"], "six.test": ["2001:db8::1"]}
        if name not in known:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(family, kind, 0, "", (each, 0)) for each in known[name]]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


async def test_names_are_looked_up_and_addresses_are_not(resolver: list[str]) -> None:
    found = await resolve(["10.9.9.9", "two.test", "2001:0db8::1", "none.test", "six.test"], 0)
    assert found == [
        Found("10.9.9.9", ("10.9.9.9",)),
        Found("two.test", ("10.0.0.1", "10.0.0.2")),
        Found("2001:0db8::1", ("2001:db8::1",)),
        Found("none.test", (), "Name or service not known"),
        Found("six.test", ("2001:db8::1",)),
    ]
    assert sorted(resolver) == ["none.test", "six.test", "two.test"]


async def test_an_address_of_the_other_family_is_the_resolvers_to_refuse(resolver: list[str]) -> None:
    assert (await resolve(["10.9.9.9"], 6))[0].addresses == ()
    assert resolver == ["10.9.9.9"]


async def test_a_name_that_no_resolver_takes_is_not_found() -> None:
    (found,) = await resolve(["a" * 300 + ".test"], 0)
    assert found.addresses == () and found.reason


async def test_addresses_have_names_or_stay_what_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    def getnameinfo(address: tuple[str, int], flags: int) -> tuple[str, str]:
        if address[0] == "10.0.0.1":
            return "one.test", "0"
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getnameinfo", getnameinfo)
    assert await names(["10.0.0.1", "10.0.0.2"]) == ["one.test", "10.0.0.2"]


@pytest.mark.parametrize(
    ("addresses", "asked", "expected"),
    [
        ([], "", ""),
        (["10.0.0.1", "fe80::1"], "eth0", "eth0"),
        (["fe80::1%eth1", "fe80::2%eth1"], "", "eth1"),
        (["fe80::1%eth1", "10.0.0.1"], "eth1", "eth1"),
    ],
)
def test_a_scope_names_the_interface(addresses: list[str], asked: str, expected: str) -> None:
    assert interface(addresses, asked) == expected


@pytest.mark.parametrize(
    ("addresses", "asked"),
    [(["fe80::1%eth1", "fe80::1%eth2"], ""), (["fe80::1%eth1"], "eth0"), (["fe80::1%eth1", "10.0.0.1"], "")],
)
def test_one_run_has_one_interface(addresses: list[str], asked: str) -> None:
    with pytest.raises(BadRequest, match="one interface"):
        interface(addresses, asked)


@pytest.mark.parametrize("addresses", [[], ["8.8.8.8"], ["127.0.0.1", "10.0.0.1", "::1", "fd00::1", "198.18.0.1"]])
def test_what_a_person_names_may_be_probed(addresses: list[str]) -> None:
    require_ordinary(addresses)


@pytest.mark.parametrize(
    ("address", "part"),
    [
        ("224.0.0.1", "224.0.0.1 is set aside (multicast, RFC 5771)"),
        ("255.255.255.255", "limited broadcast"),
        ("0.0.0.0", "this network"),
        ("169.254.169.254", "link-local"),
        ("240.0.0.1", "reserved"),
        ("ff02::1", "ff02::1 is set aside (multicast"),
        ("fe80::1%lo", "fe80::1 is set aside (link-local"),
    ],
)
def test_what_is_set_aside_is_refused_with_the_way_out(address: str, part: str) -> None:
    with pytest.raises(SetAside) as caught:
        require_ordinary(["127.0.0.1", address])
    assert part in str(caught.value) and "--any" in str(caught.value)
