"""Where a group stands, as one instance believes it."""

import pytest

from hoploom.input_service import keys
from hoploom.input_service import rounds as module
from hoploom.input_service.round_record import RoundRecord
from unit.input_service.instances import Instance, campaign_request


@pytest.mark.parametrize(
    "before",
    [None, RoundRecord(round=0, finished=frozenset({(4, 0)}))],
    ids=["forgotten", "restored from a copy"],
)
async def test_what_has_ended_is_read_again_now_and_then_because_it_may_begin_anew(
    instance: Instance, monkeypatch: pytest.MonkeyPatch, before: RoundRecord | None
) -> None:
    now_s = [1000.0]
    monkeypatch.setattr(module, "boottime_s", lambda: now_s[0])
    consul = instance.mesh.consul
    campaign, _ = await instance.campaigns.create(campaign_request())
    key = keys.round_of("demo", 1, "all")
    await consul.kv_put(key, RoundRecord(ended=True).to_bytes())
    assert (await instance.parts.rounds.state(campaign, "all")).ended
    if before:
        await consul.kv_put(key, before.to_bytes())
    else:
        await consul.kv_delete(key)
    now_s[0] += module.ENDED_FRESH_S + 1
    assert await instance.parts.rounds.state(campaign, "all") == (before or RoundRecord())
