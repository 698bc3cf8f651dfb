"""Managers' keys and credentials made by hand, for tests."""

from dataclasses import replace

from hoploom.kit.consul_api import ConsulApi
from hoploom.trust.credential import Credential, issue
from hoploom.trust.key_record import KeyRecord, packed
from hoploom.trust.keys import Signer

KID, OTHER_KID = "00000000000000aa", "00000000000000bb"
MANAGER = Signer.from_bytes(b"m" * 32)
WORKER = Signer.from_bytes(b"w" * 32)
NOW_S = 2_000_000_000
RECORD = KeyRecord(
    kid=KID, public=MANAGER.public, dc="dc1", instance="manager-1", made_us=1, until_us=(NOW_S + 10**6) * 10**6
)


def credential(worker: str = "pi-1", **changes: object) -> Credential:
    """A good one of a worker, or with changes."""
    made = Credential(
        kid=KID, worker=worker, number=2_000_000_000, key=WORKER.public, dc="dc1", expires_s=NOW_S + 3600
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def bearer(worker: str = "pi-1", **changes: object) -> dict[str, str]:
    """The header of an enrolled worker; its credential outlives this program."""
    long = {"expires_s": 2**40, **changes}
    return {"Authorization": f"Bearer {issue(MANAGER, credential(worker, **long))}"}


async def publish(consul: ConsulApi, *records: KeyRecord) -> None:
    """Put keys where instances look for them; the manager's own where none is named."""
    for each in records or (RECORD,):
        await consul.kv_put(each.stored_at, packed(each))
