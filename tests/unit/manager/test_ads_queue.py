"""What waits for one peer."""

import pytest

from hoploom.manager import ads_queue
from hoploom.manager.ad_table import Heard
from hoploom.manager.ads_queue import PeerQueue
from hoploom.wire.ad_bodies import WorkerBody
from hoploom.wire.ads import MAX_ADS, MAX_MESSAGE_BYTES, Ad, message
from unit.manager.ads_made import ad_of, enveloped


def heard(ad: Ad, now_s: float = 0.0) -> Heard:
    return Heard.at(ad, enveloped(ad), now_s)


def taken(queue: PeerQueue, now_s: float = 0.0) -> list[tuple[str, int]]:
    return [(each.ad.id, each.ad.generation) for each in queue.take(now_s)[0]]


def test_the_newest_ad_of_a_run_waits_in_the_place_of_the_older_one() -> None:
    queue = PeerQueue()
    for ad in (ad_of(generation=1), ad_of(id="pi-2"), ad_of(generation=3), ad_of(generation=2)):
        queue.put(heard(ad))
    assert taken(queue) == [("pi-1", 3), ("pi-2", 1)]
    assert len(queue) == 0


def test_two_runs_of_one_name_both_wait_so_that_a_clash_is_heard_everywhere() -> None:
    queue = PeerQueue()
    queue.put(heard(ad_of(5, "a")))
    queue.put(heard(ad_of(5, "b")))
    assert len(queue) == 2


def test_over_the_limit_the_one_that_waits_longest_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ads_queue, "MAX_WAITING", 2)
    queue = PeerQueue()
    assert [queue.put(heard(ad_of(id=f"pi-{each}"))) for each in range(4)] == [0, 0, 1, 1]
    assert taken(queue) == [("pi-2", 1), ("pi-3", 1)]


def test_what_the_peer_says_itself_is_not_told_to_it() -> None:
    queue = PeerQueue()
    queue.put(heard(ad_of(generation=2)))
    queue.told(ad_of(generation=1))
    queue.told(ad_of(5, "b", 9))
    assert len(queue) == 1
    queue.told(ad_of(generation=2))
    assert len(queue) == 0


def test_what_has_ended_while_it_waited_is_not_told_and_the_rest_with_what_is_left() -> None:
    queue = PeerQueue()
    queue.put(heard(ad_of(id="pi-1", ttl_s=10)))
    queue.put(heard(ad_of(id="pi-2")))
    _, envelopes = queue.take(30.0)
    assert [each.remaining_s for each in envelopes] == [15.0]


def test_a_message_that_did_not_arrive_waits_again_before_the_others_unless_newer_ads_do() -> None:
    queue = PeerQueue()
    queue.put(heard(ad_of(id="pi-1")))
    queue.put(heard(ad_of(id="pi-2")))
    lost, _ = queue.take(0.0)
    queue.put(heard(ad_of(id="pi-3")))
    queue.put(heard(ad_of(id="pi-2", generation=2)))
    queue.put_back(lost)
    assert taken(queue) == [("pi-1", 1), ("pi-2", 2), ("pi-3", 1)]


def test_a_message_of_the_longest_ads_is_within_its_bounds() -> None:
    queue, body = PeerQueue(), WorkerBody(note="ä" * 200, place="ä" * 120, engine="ä" * 64, skills=("ä" * 64,) * 12)
    for each in range(100):
        queue.put(heard(ad_of(id=f"pi-{each}", body=body)))
    counts = []
    while len(queue):
        _, envelopes = queue.take(0.0)
        counts.append(len(envelopes))
        assert len(str(message(envelopes, "m" * 63))) < MAX_MESSAGE_BYTES
    assert sum(counts) == 100
    assert max(counts) <= MAX_ADS
