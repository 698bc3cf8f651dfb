"""Keys differ wherever their names differ, and stay what they are."""

from hoploom.targets.keys import order_key, sampling_seed


def test_every_name_counts_and_none_runs_into_the_next() -> None:
    keys = {
        order_key("c", "r", 1, "g"),
        order_key("d", "r", 1, "g"),
        order_key("c", "s", 1, "g"),
        order_key("c", "r", 2, "g"),
        order_key("c", "r", 1, "h"),
        order_key("c", "r1", 1, "g"),
        order_key("cr", "", 1, "g"),
        order_key("", "cr", 1, "g"),
        order_key("c", "r", 11, ""),
        sampling_seed("c"),
        sampling_seed("d"),
    }
    assert len(keys) == 11 and {len(key) for key in keys} == {16}


def test_keys_never_change() -> None:
    assert order_key("demo", "ab" * 32, 0, "default").hex() == "dafbb97b7128cbd524daf88f014d201c"
    assert sampling_seed("demo").hex() == "d0c9606cb040593b9dda5ed1707e52ff"
