"""Places are what asking the file for each address gives, and there are not too many."""

from __future__ import annotations

import itertools
from collections import Counter
from pathlib import Path

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mmdb
from hoploom.output_service.rollups import geoip
from hoploom.output_service.rollups.places import Located, Locates, Places, Spot
from unit.output_service.rollups.test_cells import batch
from unit.output_service.rollups.test_geoip import RECORDS

FIRSTS = ["8.8.8", "91.5.7", "91.5.8", "1.1.1", "9.9.9", "100.2.3", "0.0.0", "255.255.255"]

ROW = st.tuples(st.sampled_from(FIRSTS), st.integers(0, 255), st.booleans())


@pytest.fixture(scope="session")
def locate(tmp_path_factory: pytest.TempPathFactory) -> Locates:
    path: Path = tmp_path_factory.mktemp("geoip") / "city.mmdb"
    return geoip.opened(str(mmdb.write(path, RECORDS)))


def opened(places: Places) -> apsw.Connection:
    connection = apsw.Connection(":memory:")
    for statement in places.tables:
        connection.execute(statement)
    return connection


def rows(connection: apsw.Connection) -> dict[tuple[object, ...], tuple[object, ...]]:
    found = connection.execute("SELECT campaign, country, latitude, longitude, targets, answered FROM places")
    return {row[:4]: row[4:] for row in found}


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(ROW, max_size=12), max_size=3))
def test_places_are_what_each_address_gives(locate: Locates, made: list[list[tuple[str, int, bool]]]) -> None:
    places = Places(locate)
    connection = opened(places)
    targets: Counter[Spot] = Counter()
    answered: Counter[Spot] = Counter()
    for seq, each in enumerate(made, 1):
        # A batch has each of its addresses once, and at least one.
        unique = {f"{first}.{last}": is_answered for first, last, is_answered in each} or {"8.8.8.1": True}
        places.add(connection, [batch(seq, [(address, 0, 5 if yes else None) for address, yes in unique.items()])])
        for address, yes in unique.items():
            if spot := locate(address).spot:
                targets[spot] += 1
                answered[spot] += yes
    assert rows(connection) == {(1, *spot): (count, answered[spot]) for spot, count in targets.items()}


def test_one_look_serves_all_that_lie_in_one_network() -> None:
    looks: list[str] = []

    def locate(address: str) -> Located:
        looks.append(address)
        return Located(Spot("FI", 60, 25), 24)

    places = Places(locate)
    connection = opened(places)
    found = [(f"10.0.{high}.{low}", 0, 5) for high in range(2) for low in range(0, 256, 5)]
    places.add(connection, [batch(1, found)])
    assert looks == ["10.0.0.0", "10.0.1.0"]
    assert rows(connection) == {(1, "FI", 60, 25): (104, 104)}


def test_without_a_file_there_are_none() -> None:
    places = Places(None)
    connection = opened(places)
    places.add(connection, [batch(1, [("8.8.8.8", 0, 5)])])
    assert places.rows(connection) == 0


def test_there_are_never_more_than_the_bound_and_those_not_seen_for_longest_go_first() -> None:
    numbers = itertools.count()
    places = Places(lambda _: Located(Spot("FI", next(numbers), 0), 32), most_rows=20)
    connection = opened(places)
    for seq in range(1, 101):
        places.add(connection, [batch(seq, [("10.0.0.1", 0, 5)])])
        assert places.rows(connection) <= 20
    assert max(key[2] for key in rows(connection)) == 99  # type: ignore[type-var]
    assert min(key[2] for key in rows(connection)) >= 79  # type: ignore[operator, type-var]
