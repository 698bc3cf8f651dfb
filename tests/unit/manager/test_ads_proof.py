"""Whose an ad is: every way of speaking for somebody else is refused (security list, lines 1, 2 and 23)."""

from dataclasses import replace

import pytest

from hoploom.kit.errors import BadRequest, Forbidden, Unauthorized
from hoploom.manager.ads_proof import Proof
from hoploom.trust.keys import Signer
from hoploom.wire.ad_bodies import ManagerBody
from hoploom.wire.ads import MANAGER, Ad, Envelope
from unit.manager.ads_made import ad_of
from unit.manager.ads_signed import KID, MESH, OTHER_KID, Trusting, credential_of, signed

STRANGER, PI, PI_2 = (Signer.new() for _ in range(3))
SPEAKER = ad_of(kind=MANAGER, id="manager-1", body=ManagerBody())


@pytest.fixture
def proof() -> Proof:
    return Proof(Trusting(), Trusting())


GOOD = signed(ad_of(), PI, credential=credential_of("pi-1", PI))
GOOD_MANAGER = signed(SPEAKER, MESH, kid=KID)


async def test_who_has_signed_with_its_own_key_is_believed(proof: Proof) -> None:
    await proof.check(ad_of(), GOOD)
    await proof.check(SPEAKER, GOOD_MANAGER)


@pytest.mark.parametrize(
    ("what", "envelope", "error"),
    [
        ("no credential", signed(ad_of(), PI), Unauthorized),
        ("a manager's key for a worker", signed(ad_of(), MESH, kid=KID), Unauthorized),
        ("an expired credential", signed(ad_of(), PI, credential=credential_of("pi-1", PI, left_s=-90)), Unauthorized),
        ("a stranger's", signed(ad_of(), PI, credential=credential_of("pi-1", PI, by=STRANGER)), Unauthorized),
        ("another worker's", signed(ad_of(), PI_2, credential=credential_of("pi-2", PI_2)), Forbidden),
        ("that of a revoked one", signed(ad_of(id="revoked"), PI, credential=credential_of("revoked", PI)), Forbidden),
        ("that of a removed one", signed(ad_of(id="removed"), PI, credential=credential_of("removed", PI)), Forbidden),
        ("a good one and another's signature", replace(GOOD, signature=PI_2.sign(GOOD.ad)), Unauthorized),
        ("a signature of another ad", replace(GOOD, ad=ad_of(generation=2).to_bytes()), Unauthorized),
        ("half a signature", replace(GOOD, signature=GOOD.signature[:43]), Unauthorized),
    ],
)
async def test_nobody_speaks_for_a_worker_with(
    what: str, envelope: Envelope, error: type[BadRequest], proof: Proof
) -> None:
    with pytest.raises(error):
        await proof.check(Ad.from_bytes(envelope.ad), envelope)


@pytest.mark.parametrize(
    ("what", "ad", "envelope", "error"),
    [
        ("an unknown key", SPEAKER, signed(SPEAKER, STRANGER, kid="2" * 16), Unauthorized),
        ("the id of a key alone", SPEAKER, signed(SPEAKER, STRANGER, kid=KID), Unauthorized),
        ("a key of yesterday", replace(SPEAKER, id="manager-2"),
         signed(replace(SPEAKER, id="manager-2"), MESH, kid=OTHER_KID), Unauthorized),
        ("its own key for another: no manager takes another's leave", replace(SPEAKER, id="manager-2", down=True),
         signed(replace(SPEAKER, id="manager-2", down=True), MESH, kid=KID), Forbidden),
        ("a worker's", SPEAKER, signed(SPEAKER, PI, credential=credential_of("manager-1", PI)), Unauthorized),
    ],
)
async def test_nobody_speaks_for_a_manager_with(
    what: str, ad: Ad, envelope: Envelope, error: type[BadRequest], proof: Proof
) -> None:
    with pytest.raises(error):
        await proof.check(ad, envelope)


async def test_every_flipped_bit_is_noticed(proof: Proof) -> None:
    for at in range(0, 8 * len(GOOD.ad), 97):
        flipped = bytearray(GOOD.ad)
        flipped[at // 8] ^= 1 << at % 8
        with pytest.raises(Unauthorized):
            await proof.check(ad_of(), replace(GOOD, ad=bytes(flipped)))
