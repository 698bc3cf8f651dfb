"""What was told lately is not told again, and what is forgotten is."""

import pytest

from hoploom.output_service import told_hops
from hoploom.output_service.told_hops import AGAIN_S, ToldHops


def test_a_hop_is_news_once_in_an_hour() -> None:
    hops = ToldHops()
    assert hops.news("demo", ["a", "b", "a"], 0.0) == ["a", "b"]
    hops.told("demo", ["a"], 0.0)
    assert hops.news("demo", ["a", "b"], AGAIN_S - 1) == ["b"]
    assert hops.news("demo", ["a", "b"], AGAIN_S) == ["a", "b"]


def test_a_hop_that_nobody_has_taken_stays_news() -> None:
    hops = ToldHops()
    assert hops.news("demo", ["a"], 0.0) == hops.news("demo", ["a"], 1.0) == ["a"]


def test_too_many_are_forgotten_and_told_once_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(told_hops, "MAX_TOLD", 2)
    hops = ToldHops()
    hops.told("demo", ["a", "b", "c"], 0.0)
    assert hops.news("demo", ["a"], 1.0) == []
    hops.told("demo", ["d"], 1.0)
    assert hops.news("demo", ["a", "d"], 2.0) == ["a"]


def test_what_one_campaign_told_may_be_news_of_another() -> None:
    hops = ToldHops()
    hops.told("demo", ["a"], 0.0)
    assert hops.news("second", ["a"], 0.0) == ["a"]
