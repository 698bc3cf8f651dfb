"""Hosts as a person writes them on the command line."""

import pytest

from lab.hosts import Host, command

WRITTEN = {
    "a1": Host("a1"),
    "a1:dc2": Host("a1", "dc2"),
    "a1:dc1:workers,fabio": Host("a1", "dc1", ("workers", "fabio")),
    "a1:dc1::6": Host("a1", "dc1", addresses="6"),
}


@pytest.mark.parametrize(("text", "host"), WRITTEN.items(), ids=WRITTEN)
def test_a_host_is_read(text: str, host: Host) -> None:
    assert command.host(text) == host


@pytest.mark.parametrize("text", ["a1:nowhere", "a1:dc1:x:6:more", "a/1"])
def test_a_host_that_cannot_be_is_a_sentence_and_exit_code_2(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["up", text]) == 2
    assert capsys.readouterr().err.startswith("hoploom: a host")
