"""What may be a version, and how an archive's address follows it."""

import pytest

from hoploom.deploying.versions import checked, moved
from hoploom.kit.errors import ConfigError


@pytest.mark.parametrize("version", ["1.4.1", "0.2.0.dev1", "v2", "2026-11-22", "3f9c2ab", "1.4.1+build.7"])
def test_a_version_is_taken(version: str) -> None:
    assert checked(version) == version


@pytest.mark.parametrize(
    "version", ["", "latest", "1,4", "1.4 1", 'a"1', "../1", "-1", "1" * 65, "1\n2", "urlprefix-/1"]
)
def test_what_no_tag_could_be_is_refused(version: str) -> None:
    with pytest.raises(ConfigError, match="is no version"):
        checked(version)


@pytest.mark.parametrize(
    ("text", "old", "new", "expected"),
    [
        ("https://x.example/orders-1.4.0.tar.gz", "1.4.0", "1.4.1", "https://x.example/orders-1.4.1.tar.gz"),
        ("https://x.example/v1.4.0/orders.tar.gz", "1.4.0", "1.4.1", "https://x.example/v1.4.1/orders.tar.gz"),
        ("/srv/1.4.0/orders-1.4.0.tgz", "1.4.0", "2", "/srv/2/orders-2.tgz"),
        ("https://x.example/orders-11.4.0.tar.gz", "1.4.0", "1.4.1", ""),
        ("https://x.example/orders-1.4.0.7.tar.gz", "1.4.0", "1.4.1", ""),
        ("https://x.example/orders.tar.gz", "1.4.0", "1.4.1", ""),
        ("https://x.example/orders.tar.gz", "", "1.4.1", ""),
    ],
)
def test_an_address_follows_the_version_where_it_names_it(text: str, old: str, new: str, expected: str) -> None:
    assert moved(text, old, new) == expected
