"""scamper's letters: what is understood, and what is refused by name."""

from typing import Any

import pytest

from hoploom.cli.trace.flags import FLAGS, OURS, REFUSED, SCAMPER, overview
from hoploom.cli.trace.options import read
from hoploom.cli.words import BadWord

SETTINGS: list[tuple[str, str, dict[str, Any]]] = [
    ("the defaults", "x", {"protocol": "icmp", "first_ttl": 1, "split_ttl": 16, "max_ttl": 32, "gap_limit": 5,
                           "attempts": 2, "timeout_s": 2.0, "interval_s": 0.05, "rate_pps": None, "is_whole": False}),
    ("UDP", "-P UDP-Paris x", {"protocol": "udp"}),
    ("ICMP", "-P icmp x", {"protocol": "icmp"}),
    ("TTLs", "-f 3 -m 20 x", {"first_ttl": 3, "split_ttl": 16, "max_ttl": 20}),
    ("few TTLs", "-m 8 x", {"split_ttl": 8, "max_ttl": 8}),
    ("late TTLs", "-f 20 x", {"first_ttl": 20, "split_ttl": 20}),
    ("a split", "--split 9 x", {"split_ttl": 9}),
    ("no gap limit", "-g 0 x", {"gap_limit": 64}),
    ("attempts", "-q 3 x", {"attempts": 3}),
    ("flows", "--flows 1 x", {"flows": 1}),
    ("waiting", "-w 0.5 -W 20 x", {"timeout_s": 0.5, "interval_s": 0.2}),
    ("a rate", "-r 50 x", {"rate_pps": 50.0}),
    ("scamper's rate", "-p 50 x", {"rate_pps": 50.0}),
    ("whole paths", "--whole x", {"is_whole": True}),
    ("scamper's own command", "-c trace -i x", {"attempts": 2}),
    ("a value of scamper's that is the only one here", "-G 1 -l 1 -t 0 x", {"attempts": 2}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), [each[1:] for each in SETTINGS], ids=[each[0] for each in SETTINGS])
def test_letters_become_settings(text: str, expected: dict[str, Any]) -> None:
    settings = read(text.split()).settings
    assert {name: getattr(settings, name) for name in expected} == expected


def test_a_command_in_one_word_is_taken_apart_and_the_line_itself_counts_more() -> None:
    found = read(["-c", "trace -P udp-paris -q 3 -m 9", "-q", "1", "-i", "10.0.0.1", "10.0.0.2"])
    assert (found.settings.protocol, found.settings.attempts, found.settings.max_ttl) == ("udp", 1, 9)
    assert found.operands == ("10.0.0.1", "10.0.0.2")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("-O json x", {"ndjson"}), ("-O text x", set()), ("-O ptr,json x", {"ptr", "ndjson"}), ("-O PTR x", {"ptr"}),
     ("--json --whole --any x", {"json", "whole", "any"})],
)  # fmt: skip
def test_output_is_asked_for_as_scamper_does(text: str, expected: set[str]) -> None:
    found = read(text.split())
    assert found.flags == expected and found.is_machine == bool(expected & {"json", "ndjson"})


BAD = [
    ("-4 -6 x", "can't specify both -4 and -6"),
    ("-p 5 -r 5 x", "specify only one of -p, -r"),
    ("--json -O json x", "specify only one of --json, --ndjson"),
    ("-O warts x", "-O is text, json or ptr here, not 'warts'"),
    ("-c ping x", "-c takes `trace` and its options, not 'ping'"),
    ("-c 95 x", "-c takes `trace`"),
    ("-P tcp x", "-P is icmp-paris or udp-paris here, not 'tcp'"),
    ("-G 2 x", "-G is 1 here"),
    ("-l 0 x", "-l is 1 here"),
    ("-t 16 x", "-t is 0 here"),
    ("-f 9 -m 8 x", "-f 9 is beyond the largest TTL, 8"),
    ("-f 9 --split 8 x", "--split 8 is not between"),
    ("-m 65 x", "--maxttl is 1 to 64, not 65"),
    ("-m x x", "--maxttl needs a whole number"),
    ("-q 0 x", "--attempts is 1 to 10"),
    ("-w 0 x", "--wait is 0.001 to 600"),
    ("-w nan x", "--wait is"),
    ("-r x x", "--rate needs a number"),
    ("-U -1 x", "--userid is 0 to"),
    ("--src= x", "--src needs a value"),
    ("-X x", "invalid option -- 'X'"),
    *((f"-{letter} 1 x", f"-{letter} of scamper is not here: {reason}") for letter, reason in REFUSED.items()),
]


@pytest.mark.parametrize(("text", "part"), BAD)
def test_what_is_not_here_is_refused_in_one_sentence(text: str, part: str) -> None:
    with pytest.raises(BadWord) as caught:
        read(text.split())
    assert part in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("words", [["-c", "trace 10.0.0.1"], ["-c", "trace -c trace"], ["-c", ""]])
def test_a_command_in_one_word_holds_options_alone(words: list[str]) -> None:
    with pytest.raises(BadWord, match="-c takes `trace`"):
        read([*words, "x"])


def test_no_letter_means_two_things() -> None:
    letters = [flag.letter for flag in FLAGS if flag.letter]
    assert len(letters) == len(set(letters))


def test_the_help_names_every_option() -> None:
    text = overview()
    assert all(f"--{flag.name}" in text for flag in (*SCAMPER, *OURS)) and max(map(len, text.splitlines())) <= 120
    assert read(["-h"]).shows == "help" and read(["-v", "-d", "1"]).shows == "version"
