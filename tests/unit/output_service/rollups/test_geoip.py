"""Files in MaxMind's format: what is taken from them, and that an odd one is a sentence or nothing."""

import math
import re
from pathlib import Path
from typing import Any

import pytest

import mmdb
from hoploom.kit.errors import ConfigError
from hoploom.output_service.app import make_app
from hoploom.output_service.rollups import geoip
from hoploom.output_service.rollups.places import Spot
from hoploom.output_service.settings import Settings

RECORDS = {
    "8.8.8.0/24": mmdb.city("US", 37.751, -97.822),
    "91.0.0.0/10": mmdb.city("DE", 51.4, 9.6),
    "2a00::/12": mmdb.city("FI", 60.17, 24.94),
    "1.1.1.0/24": {"country": {"iso_code": "AU"}},
    "9.9.9.0/24": {"location": {"latitude": 10.0, "longitude": 20.0}},
    "5.5.5.0/24": {"location": {"latitude": "north"}},
}


@pytest.mark.parametrize(
    ("address", "spot", "prefix"),
    [
        ("8.8.8.8", Spot("US", 38, -98), 24),
        ("91.63.1.1", Spot("DE", 51, 10), 10),
        ("2a00:1450::1", Spot("FI", 60, 25), 12),
        ("1.1.1.1", None, 24),
        ("9.9.9.9", Spot("", 10, 20), 24),
        ("5.5.5.5", None, 24),
    ],
    ids=["a city", "a large network", "IPv6", "a country alone", "a place of no country", "an odd record"],
)
def test_an_address_is_where_the_file_says(tmp_path: Path, address: str, spot: Spot | None, prefix: int) -> None:
    assert geoip.opened(str(mmdb.write(tmp_path / "city.mmdb", RECORDS)))(address) == (spot, prefix)


def test_of_what_the_file_does_not_have_nothing_is_known(tmp_path: Path) -> None:
    found = geoip.opened(str(mmdb.write(tmp_path / "city.mmdb", RECORDS)))("100.1.2.3")
    assert found.spot is None and 1 <= found.prefix < 32


@pytest.mark.parametrize("content", [None, b"", b"no such file" * 100])
def test_a_file_that_is_none_is_refused_in_a_sentence(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "city.mmdb"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=re.escape(f"--geoip-file: {path} cannot be read as a MaxMind-format file")):
        make_app(Settings(db_dir=tmp_path / "db", geoip_file=str(path)))


@pytest.mark.parametrize(
    ("latitude", "longitude"), [(math.nan, 1.0), (1.0, math.inf), (90.1, 0.0), (0.0, -181.0), (10**400, 0)]
)
def test_degrees_that_no_place_has_are_no_place(latitude: float, longitude: float) -> None:
    assert geoip.spot_of({"location": {"latitude": latitude, "longitude": longitude}}) is None


@pytest.mark.parametrize("code", ["<b>", "DEU", "", 5, "D" * 10_000])
def test_a_country_that_is_no_code_is_left_out(code: object) -> None:
    record = {"location": {"latitude": 1.0, "longitude": 2.0}, "country": {"iso_code": code}}
    assert geoip.spot_of(record) == Spot("", 1, 2)


@pytest.mark.parametrize("record", [None, [], {}, {"location": []}, {"location": {"latitude": 1.0}}, {"country": 5}])
def test_a_record_that_says_no_place_is_none(record: Any) -> None:
    assert geoip.spot_of(record) is None
