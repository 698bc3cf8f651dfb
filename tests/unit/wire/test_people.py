"""Roles and names of people."""

import pytest

from hoploom.kit.errors import Unprocessable
from hoploom.wire.people import USER_NAME, Role


def test_a_higher_role_may_more() -> None:
    assert Role.VIEWER < Role.OPERATOR < Role.ADMIN
    assert [Role.of(each.word) for each in Role] == list(Role)


@pytest.mark.parametrize("word", ["", "root", "ADMIN", "admin ", "x" * 5_000])
def test_another_word_is_no_role(word: str) -> None:
    with pytest.raises(Unprocessable, match="a role is viewer, operator, admin"):
        Role.of(word)


@pytest.mark.parametrize(
    ("name", "good"),
    [
        ("anna", True),
        ("anna.k-2_x", True),
        ("Anna", False),
        ("", False),
        (".", False),
        ("a/b", False),
        ("a b", False),
        ("änna", False),
        ("a\n", False),
        ("x" * 64, False),
        ("{{7*7}}", False),
    ],
)
def test_a_name_may_stand_in_a_key_and_in_a_path(name: str, good: bool) -> None:
    assert bool(USER_NAME.fullmatch(name)) is good
