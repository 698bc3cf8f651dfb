"""fping's options: defaults, what depends on what, and refusals in one sentence."""

from typing import Any

import pytest

from hoploom.cli.ping.flags import FLAGS, FPING, overview
from hoploom.cli.ping.options import Options, read
from hoploom.cli.words import BadWord

GOOD: list[tuple[str, str, dict[str, Any]]] = [
    ("fping's defaults", "x", {"interval_ms": 10.0, "timeout_ms": 500.0, "retries": 3, "backoff": 1.5, "count": None,
                              "size_bytes": 56, "operands": ("x",), "is_counting": False, "tos": 0, "ttl": None}),
    ("a count waits a period", "-c 3 x", {"count": 3, "timeout_ms": 1_000.0, "period_ms": 1_000.0}),
    ("of a short period that long", "-c 3 -p 200 x", {"timeout_ms": 200.0}),
    ("of a long period two seconds", "-l -p 5000 x", {"timeout_ms": 2_000.0, "is_endless": True, "is_counting": True}),
    ("or as long as is said", "-c 3 -p 200 -t 700 x", {"timeout_ms": 700.0}),
    ("a verbose count", "-C 2 x", {"count": 2, "is_verbose_count": True}),
    ("of both counts the last", "-C 2 -c 3 x", {"count": 3, "is_verbose_count": True}),
    ("of both counts the last, otherwise", "-c 3 -C 2 x", {"count": 2, "is_verbose_count": True}),
    ("a rate is an interval", "--rate 50 x", {"interval_ms": 20.0}),
    ("fractions of milliseconds", "-i 0.1 -t 1.5 x", {"interval_ms": 0.1, "timeout_ms": 1.5}),
    ("no interval at all", "-i 0 x", {"interval_ms": 0.0}),
    ("no retries", "-r0 x", {"retries": 0}),
    ("a type of service in hexadecimal", "-O 0x1f x", {"tos": 31}),
    ("a type of service in decimal", "-O 31 x", {"tos": 31}),
    ("families", "-6 x", {"family": 6}),
    ("a file", "-f list", {"file": "list", "operands": ()}),
    ("a network", "-g 10.0.0.0/30", {"operands": ("10.0.0.0/30",)}),
    ("two addresses", "-g 10.0.0.1 10.0.0.9", {"operands": ("10.0.0.1", "10.0.0.9")}),
    ("an option that is ignored", "-T 9 x", {"timeout_ms": 500.0}),
    ("for a program", "--ndjson x", {"is_machine": True}),
    ("the help", "-c 0 -h", {"shows": "help"}),
    ("the version", "-v -h", {"shows": "version"}),
    ("the longest payload", "-b 65487 x", {"size_bytes": 65_487}),
]


@pytest.mark.parametrize(("text", "expected"), [each[1:] for each in GOOD], ids=[each[0] for each in GOOD])
def test_a_command_line_is_understood(text: str, expected: dict[str, Any]) -> None:
    found = read(text.split())
    assert {name: getattr(found, name) for name in expected} == expected


BAD = [
    ("-4 -6 x", "can't specify both -4 and -6"),
    ("-a -u x", "specify only one of a, u"),
    ("-c 2 -l x", "specify only one of c, l"),
    ("-C 2 -l x", "specify only one of c, l"),
    ("-n -d x", "use either one of -d or -n"),
    ("--json --ndjson x", "specify only one of --json, --ndjson"),
    ("-i 5 --rate 5 x", "specify only one of -i, --rate"),
    ("-l --json x", "--ndjson"),
    ("-f list x", "not in both"),
    ("-f list -g 10.0.0.0/30", "specify only one of f, g"),
    ("-g", "-g takes a network"),
    ("-g 10.0.0.1", "-g takes a network"),
    ("-g 10.0.0.1 10.0.0.2 10.0.0.3", "-g takes a network"),
    ("-c 0 x", "--count is 1 to 2,147,483,647, not 0"),
    ("-c 99999999999 x", "--count is 1 to 2,147,483,647"),
    ("-c 1.5 x", "--count needs a whole number, not '1.5'"),
    ("-C -1 x", "--vcount is 1 to"),
    ("-r -1 x", "--retry is 0 to 1,000"),
    ("-b -1 x", "--size is 0 to"),
    ("-b 65488 x", "data size 65488 not valid, must be lower than 65488"),
    ("-b 99999999999999999999 x", "--size is 0 to"),
    ("-B 0.5 x", "backoff factor 0.5 not valid, must be between 1.0 and 5.0"),
    ("-B nan x", "--backoff"),
    ("-i -1 x", "--interval is 0 to"),
    ("-i inf x", "--interval is 0 to"),
    ("-p 0 x", "--period is 0.001 to"),
    ("-t x x", "--timeout needs a number, not 'x'"),
    ("-t 600001 x", "--timeout is 0.001 to 600000"),
    ("-H 0 x", "ttl 0 out of range"),
    ("-H 256 x", "ttl 256 out of range"),
    ("-O 256 x", "--tos is 0 to 255"),
    ("-O 0xzz x", "--tos needs a number"),
    ("-Q 0 x", "--squiet is 0.001 to"),
    ("-x 0 x", "--reachable is 1 to"),
    ("--rate 0 x", "--rate is 0.001 to"),
    ("--src= x", "can't parse source address: "),
    ("-S host x", "can't parse source address: host"),
    ("-I= --iface= x", "--iface needs a value"),
]


@pytest.mark.parametrize(("text", "part"), BAD)
def test_a_command_line_that_makes_no_sense_is_refused_in_one_sentence(text: str, part: str) -> None:
    with pytest.raises(BadWord) as caught:
        read(text.split())
    assert part in str(caught.value) and "\n" not in str(caught.value)


def test_every_option_of_the_table_is_understood() -> None:
    values = {"tos": "1", "ttl": "1", "size": "1", "backoff": "2", "src": "10.0.0.1"}
    for flag in FLAGS:
        words = [f"-{flag.letter}" if flag.letter else f"--{flag.name}"]
        words += [values.get(flag.name, "1")] if flag.value else []
        words += ["10.0.0.0/30"] if flag.name != "file" else []
        assert isinstance(read(words), Options), flag


def test_the_help_names_every_option_and_fpings_codes() -> None:
    text = overview()
    assert all(f"--{flag.name}" in text for flag in FLAGS)
    assert all(f"-{flag.letter}, --" in text for flag in FPING)
    assert "3 wrong usage" in text and max(map(len, text.splitlines())) <= 120
