"""What a worker says of itself."""

from pathlib import Path
from typing import cast

import pytest

from hoploom.kit.errors import ConfigError
from hoploom.ping_service import ad_body
from hoploom.ping_service.ad_body import Pace, Portrait
from hoploom.ping_service.lease_client import LeaseClient
from hoploom.ping_service.outbox import Outbox
from hoploom.ping_service.settings import Settings
from hoploom.ping_service.spool import Spool
from hoploom.ping_service.station import Station
from hoploom.wire.ads import MAX_AD_BYTES, WORKER, Ad

TOLD = Settings(worker="pi", place="Turku", location="60.45, 22.27", addresses="192.0.2.7, 2001:db8::7",
                max_rate_pps=50, version_tag="1.2")  # fmt: skip


def test_its_owners_word_is_passed_on() -> None:
    body = ad_body.constant(TOLD)
    assert (body.place, body.latitude, body.longitude, body.addresses, body.max_rate_pps, body.version) == (
        "Turku", 60.45, 22.27, ("192.0.2.7", "2001:db8::7"), 50, "1.2"
    )
    assert ad_body.constant(Settings()).latitude is None


@pytest.mark.parametrize(
    "settings",
    [Settings(location="Turku"), Settings(location="60.45"), Settings(location="91,0"), Settings(location="nan,0"),
     Settings(addresses="pi.example.org"), Settings(place="x" * 200), Settings(place="\x1b[2J")],
)  # fmt: skip
def test_a_word_that_is_none_is_said_at_the_start(settings: Settings) -> None:
    with pytest.raises(ConfigError):
        ad_body.constant(settings)


def test_how_it_is_now_fits_into_an_ad_whatever_it_reports(tmp_path: Path) -> None:
    station = Station(TOLD, cast(LeaseClient, None))
    portrait = Portrait(station, Outbox(Spool(tmp_path, 2**20), station.clock, "boot"), lambda: "wörds\n" * 100)
    assert (portrait.body().status, portrait.body().families, portrait.body().engine) == ("passing", (), "")
    station.engine = "datagram"
    station.full = "the spool is full"
    body = portrait.body()
    assert (body.status, body.families, body.skills[:1]) == ("warning", (4, 6), ("ping",))
    ad = Ad(kind=WORKER, id="pi", instance="a" * 32, boot=1, generation=1, body=body)
    assert Ad.from_bytes(ad.to_bytes()) == ad
    assert len(ad.to_bytes()) < MAX_AD_BYTES


def test_the_pace_follows_over_a_minute() -> None:
    pace = Pace()
    assert pace.of(600, 60.0) == 10
    assert pace.of(900, 60.5) == 10
    assert pace.of(600, 90.0) == 5
    assert pace.of(600, 900.0) == 0
