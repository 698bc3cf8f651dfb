"""What a worker refuses and how fast it goes, whoever asks."""

import numpy as np
import pytest

from hoploom.ping_service.politeness import allowed, effective_rate_pps
from hoploom.wire.addresses import column

PUBLIC = ["8.8.8.8", "1.0.0.1", "223.255.255.255", "2606:4700::1", "64:ff9b::808:808"]
TWO_KEYS = ["127.0.0.1", "127.255.255.255", "10.0.0.1", "172.31.255.255", "192.168.0.0", "100.64.1.1", "::1", "fd00::1"]
NEVER = ["0.0.0.0", "169.254.169.254", "224.0.0.1", "255.255.255.255", "240.0.0.1", "192.88.99.1", "::", "ff02::1"]
NEVER_INSIDE_IPV6 = ["fe80::1", "64:ff9b::7f00:1", "2002:7f00:1::", "4000::1", "::7f00:1", "2001::1"]


@pytest.mark.parametrize("allow_private", [False, True])
def test_public_addresses_need_no_key(allow_private: bool) -> None:
    assert allowed(column(PUBLIC), allow_private=allow_private).all()


def test_loopback_and_private_addresses_need_both_keys() -> None:
    assert not allowed(column(TWO_KEYS), allow_private=False).any()
    assert allowed(column(TWO_KEYS), allow_private=True).all()


@pytest.mark.parametrize("address", NEVER + NEVER_INSIDE_IPV6)
def test_no_key_opens_the_rest(address: str) -> None:
    assert not allowed(column([address]), allow_private=True).any()


def test_rows_keep_their_order() -> None:
    mixed = column(["8.8.8.8", "127.0.0.1", "2606:4700::1", "::1", "224.0.0.1"])
    assert allowed(mixed, allow_private=False).tolist() == [True, False, True, False, False]


@pytest.mark.parametrize(
    ("what", "addresses", "asked", "owner", "effective"),
    [
        ("loopback is unlimited", ["127.0.0.1", "::1"], 0, 0, 0),
        ("loopback keeps the owner's cap", ["127.0.0.1"], 0, 50, 50),
        ("private space has a default", ["127.0.0.1", "10.0.0.1"], 0, 0, 1_000),
        ("public space is slowest", ["10.0.0.1", "8.8.8.8"], 0, 0, 100),
        ("a default is no way around the owner", ["8.8.8.8"], 0, 20, 20),
        ("an owner's cap above the default does not raise it", ["8.8.8.8"], 0, 5_000, 100),
        ("a campaign may raise it", ["8.8.8.8"], 2_000, 0, 2_000),
        ("as far as the owner allows", ["8.8.8.8"], 2_000, 500, 500),
        ("a slower campaign stays slow", ["127.0.0.1"], 10, 500, 10),
    ],
)
def test_rates(what: str, addresses: list[str], asked: int, owner: int, effective: int) -> None:
    assert effective_rate_pps(column(addresses), asked, owner) == effective, what


def test_nothing_to_probe_has_no_rate() -> None:
    assert effective_rate_pps(np.empty((0, 16), np.uint8), 0, 0) == 0
