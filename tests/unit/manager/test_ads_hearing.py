"""What is heard goes on to the others, and what is made up changes nothing."""

import pytest

from hoploom.kit.errors import Unauthorized
from hoploom.kit.http_client import HttpClient
from hoploom.manager.ads_flood import Flood, Peer
from hoploom.manager.ads_hearing import Hearing
from hoploom.manager.ads_proof import Proof
from hoploom.manager.registry import Registry
from hoploom.trust.keys import Signer
from unit.manager.ads_made import ad_of
from unit.manager.ads_signed import Trusting, credential_of, signed

PI, STRANGER = Signer.new(), Signer.new()
CREDENTIAL = credential_of("pi-1", PI)


@pytest.mark.parametrize(("signer", "waiting"), [(PI, 0), (STRANGER, 1)], ids=["true", "made up"])
async def test_only_a_true_ad_that_a_peer_brings_has_what_waits_for_it_dropped(signer: Signer, waiting: int) -> None:
    registry = Registry()
    flood = Flood("one", registry.held)
    flood.know({"other": Peer("http://127.0.0.1:1", HttpClient())})
    hearing = Hearing(registry, Proof(Trusting(), Trusting()), flood)
    await hearing.hear([signed(ad_of(), PI, credential=CREDENTIAL)])
    try:
        await hearing.hear([signed(ad_of(generation=2), signer, credential=CREDENTIAL)], "other")
    except Unauthorized:
        assert signer is STRANGER
    assert [len(line.queue) for line in flood.lines()] == [waiting]
