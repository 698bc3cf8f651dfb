"""Options as the tools that we stand in for take them."""

from collections.abc import Callable
from typing import Any

import pytest

from hoploom.cli.words import BadWord, Flag, nonempty, number, parse, usage, whole

FLAGS = (
    Flag("c", "count", "N", "how many"),
    Flag("q", "quiet", "", "no lines"),
    Flag("s", "stats", "", "totals"),
    Flag("", "rate", "PPS", "how fast\nat most"),
)

GOOD = [
    ("nothing", "", {}, []),
    ("a letter", "-q", {"quiet": ""}, []),
    ("a value behind", "-c 3", {"count": "3"}, []),
    ("a value glued on", "-c3", {"count": "3"}, []),
    ("a cluster", "-qs", {"quiet": "", "stats": ""}, []),
    ("a cluster that ends with a value", "-qc3", {"quiet": "", "count": "3"}, []),
    ("a letter behind a value is the value's", "-c3q", {"count": "3q"}, []),
    ("a name", "--quiet", {"quiet": ""}, []),
    ("a name with a value", "--count=3", {"count": "3"}, []),
    ("a name with a value behind", "--rate 5", {"rate": "5"}, []),
    ("an empty value", "--count=", {"count": ""}, []),
    ("a value that looks like an option", "-c -3", {"count": "-3"}, []),
    ("the last one counts", "-c3 -c4", {"count": "4"}, []),
    ("operands anywhere", "a -q b", {"quiet": ""}, ["a", "b"]),
    ("an end of options", "-q -- -s --", {"quiet": ""}, ["-s", "--"]),
    ("a single dash", "-", {}, ["-"]),
]


@pytest.mark.parametrize(("text", "values", "operands"), [each[1:] for each in GOOD], ids=[each[0] for each in GOOD])
def test_words_become_options_and_operands(text: str, values: dict[str, str], operands: list[str]) -> None:
    assert parse(text.split(), FLAGS) == (values, operands)


BAD = [
    ("-z", "invalid option -- 'z'"),
    ("-qz", "invalid option -- 'z'"),
    ("--coun 3", "invalid option -- 'coun'"),
    ("--", None),
    ("-c", "option requires an argument -- 'c'"),
    ("--count", "option requires an argument -- 'count'"),
    ("--quiet=1", "option takes no arguments -- 'quiet'"),
    ("--=1", "invalid option -- ''"),
]


@pytest.mark.parametrize(("text", "sentence"), BAD)
def test_what_does_not_exist_or_lacks_its_value_is_named(text: str, sentence: str | None) -> None:
    if sentence is None:
        assert parse(text.split(), FLAGS) == ({}, [])
        return
    with pytest.raises(BadWord) as caught:
        parse(text.split(), FLAGS)
    assert str(caught.value) == sentence


def test_the_help_has_a_line_for_each_and_more_where_the_text_has_more() -> None:
    assert usage(FLAGS) == [
        "   -c, --count=N           how many",
        "   -q, --quiet             no lines",
        "   -s, --stats             totals",
        "       --rate=PPS          how fast",
        "                           at most",
    ]


@pytest.mark.parametrize(
    ("convert", "text", "expected"),
    [(number(0, 5), "1.5", 1.5), (number(0, 5), "5", 5.0), (whole(1, 9), "9", 9), (nonempty, "x", "x")],
)
def test_values_are_read(convert: Callable[[str, str], Any], text: str, expected: Any) -> None:
    assert convert("name", text) == expected


@pytest.mark.parametrize(
    ("convert", "text", "sentence"),
    [
        (number(0, 5), "x", "--name needs a number, not 'x'"),
        (number(0, 5), "5.1", "--name is 0 to 5, not 5.1"),
        (number(0, 5), "nan", "--name is 0 to 5, not nan"),
        (number(0, 1e9), "inf", "--name is 0 to 1e+09, not inf"),
        (whole(1, 9_000), "1.5", "--name needs a whole number, not '1.5'"),
        (whole(1, 9_000), "0", "--name is 1 to 9,000, not 0"),
        (nonempty, "", "--name needs a value"),
    ],
)
def test_values_that_make_no_sense_are_named(convert: Callable[[str, str], Any], text: str, sentence: str) -> None:
    with pytest.raises(BadWord) as caught:
        convert("name", text)
    assert str(caught.value) == sentence
