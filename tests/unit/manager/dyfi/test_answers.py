"""Every word that a provider may say, and everything else that may come in its place."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoploom.manager.dyfi.answers import LONGEST, TABLE, Answer, Verdict, address_in, read, reason_to_stop

ONE, TWO = ("a.dy.fi",), ("a.dy.fi", "b.dy.fi")
STOPS = ("badauth", "!donator", "!active", "notfqdn", "nohost", "!yours", "numhost", "abuse", "badagent", "badsys")
LATER = ("badip", "dnserr", "911")


def words(status: int, body: str, names: tuple[str, ...] = ONE) -> list[str]:
    return [each.word for each in read(status, body.encode(), names)]


@pytest.mark.parametrize("word", STOPS)
def test_these_words_stop_everything_and_say_why(word: str) -> None:
    found = read(200, f"{word}\n".encode(), ONE)
    assert found[0].meaning.verdict is Verdict.STOP
    assert reason_to_stop(found).startswith(f"{word} for a.dy.fi: ")


@pytest.mark.parametrize("word", LATER)
def test_these_words_are_waited_for_and_stop_nothing(word: str) -> None:
    found = read(200, word.encode(), ONE)
    assert found[0].meaning.verdict is Verdict.LATER and found[0].meaning.rest_s >= 1800
    assert reason_to_stop(found) == ""


def test_the_table_knows_no_other_word() -> None:
    assert set(TABLE) == {*STOPS, *LATER, "good", "nochg"}


@pytest.mark.parametrize(
    ("body", "address"),
    [
        ("good 192.0.2.7", "192.0.2.7"),
        ("good 192.0.2.7\r\n", "192.0.2.7"),
        ("nochg 2001:DB8::0:1", "2001:db8::1"),
        ("good", ""),
        ("nochg\n\n", ""),
        ("good 999.1.1.1", ""),
    ],
)
def test_a_good_answer_may_name_the_address(body: str, address: str) -> None:
    [found] = read(200, body.encode(), ONE)
    assert (found.meaning.verdict, found.address) == (Verdict.DONE, address)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, ""),
        (200, "<html><body>good 192.0.2.7, please log in</body></html>"),
        (200, "GOOD 192.0.2.7"),
        (200, "goodness"),
        (200, "good 192.0.2.7\ngood 192.0.2.7\n"),
        (302, ""),
        (302, "<a href=/login>good</a>"),
        (404, "not found"),
        (500, "oops"),
        (503, ""),
        (200, "\x00\xff"),
    ],
)
def test_what_is_no_answer_is_asked_again_later(status: int, body: str) -> None:
    assert [each.meaning.verdict for each in read(status, body.encode(), ONE)] == [Verdict.LATER]


def test_a_401_is_a_wrong_password_whatever_its_body_says() -> None:
    assert words(401, "good 192.0.2.7", TWO) == ["badauth", "badauth"]


def test_a_word_of_the_protocol_counts_also_with_an_error_status() -> None:
    assert words(403, "abuse") == ["abuse"]
    assert words(503, "911") == ["911"]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("good 192.0.2.7\nnohost\n", ["good", "nohost"]),
        ("nochg\ngood 192.0.2.7", ["nochg", "good"]),
        ("badauth", ["badauth", "badauth"]),
        ("911", ["911", "911"]),
        ("good 192.0.2.7", ["1 lines for 2 names", "1 lines for 2 names"]),
        ("nohost", ["nohost", "nohost"]),
        ("good\ngood\nabuse", ["abuse", "abuse"]),
        ("", ["0 lines for 2 names", "0 lines for 2 names"]),
    ],
    ids=["one each", "in order", "a word for all", "trouble for all", "one is missing", "a stop that may be anybody's",
         "too many, one stops", "nothing"],
)  # fmt: skip
def test_several_names_have_a_line_each(body: str, expected: list[str]) -> None:
    assert words(200, body, TWO) == expected


def test_the_reason_to_stop_names_whom_it_is_about() -> None:
    found = (Answer("a.dy.fi", "good"), Answer("b.dy.fi", "nohost"), Answer("c.dy.fi", "nohost"))
    assert reason_to_stop(found).startswith("nohost for b.dy.fi, c.dy.fi: ")


@given(st.integers(100, 599), st.binary(max_size=300), st.integers(1, 3))
def test_whatever_comes_is_an_answer_for_each_name_that_a_terminal_can_show(
    status: int, body: bytes, count: int
) -> None:
    names = tuple(f"{number}.dy.fi" for number in range(count))
    found = read(status, body, names)
    assert [each.name for each in found] == list(names)
    assert all(each.word.isprintable() and len(each.word) <= LONGEST for each in found)


@pytest.mark.parametrize(("text", "address"), [("127.0.0.1", "127.0.0.1"), ("::1", "::1"), ("1.2.3", ""), ("", "")])
def test_an_address_is_one_or_nothing(text: str, address: str) -> None:
    assert address_in(text) == address
