"""Keys, credentials and signed ads for tests of a manager's doors."""

from dataclasses import replace

from hoploom.kit.clock import wall_us
from hoploom.kit.errors import Forbidden
from hoploom.trust import credential
from hoploom.trust.credential import CREDENTIAL_TTL_S, Credential
from hoploom.trust.key_record import KeyRecord
from hoploom.trust.keys import Signer
from hoploom.wire.ad_bodies import ManagerBody, WorkerBody
from hoploom.wire.ads import WORKER, Ad, Envelope
from unit.manager.ads_made import ad_of

KID, OTHER_KID = "0" * 16, "1" * 16
MESH = Signer.new()


def record(kid: str, signer: Signer, instance: str, until_us: int = 2**52) -> KeyRecord:
    return KeyRecord(kid=kid, public=signer.public, dc="dc1", instance=instance, made_us=0, until_us=until_us)


class Trusting:
    """The managers' keys, and a doorkeeper who knows a revoked worker and one that was removed."""

    def __init__(self) -> None:
        self.records = {KID: record(KID, MESH, "manager-1"), OTHER_KID: record(OTHER_KID, MESH, "manager-2", 1)}

    async def credential(self, text: str) -> Credential:
        found = credential.read(text, {kid: each.public for kid, each in self.records.items()}, wall_us() / 1e6)
        if found.worker == "revoked":
            raise Forbidden("the worker is revoked")
        if found.worker == "removed":
            raise Forbidden("the worker was removed")
        return found


def credential_of(name: str, signer: Signer, by: Signer = MESH, left_s: float = CREDENTIAL_TTL_S) -> str:
    expires_s = int(wall_us() / 1e6 + left_s)
    said = Credential(kid=KID, worker=name, number=7, key=signer.public, dc="dc1", expires_s=expires_s)
    return credential.issue(by, said)


def signed(ad: Ad, by: Signer, *, credential: str = "", kid: str = "") -> Envelope:
    return Envelope(ad=ad.to_bytes(), signature=by.sign(ad.to_bytes()), credential=credential, kid=kid)


class Sender:
    """A worker with a key, or a manager with the mesh's."""

    def __init__(self, kind: str, name: str) -> None:
        self.key = Signer.new() if kind == WORKER else MESH
        self._proof = {"credential": credential_of(name, self.key)} if kind == WORKER else {"kid": KID}
        self._ad = ad_of(kind=kind, id=name, body=WorkerBody() if kind == WORKER else ManagerBody())

    def next(self, **fields: object) -> Envelope:
        envelope = signed(replace(self._ad, **fields), self.key, **self._proof)  # type: ignore[arg-type]
        self._ad = replace(self._ad, generation=self._ad.generation + 1)
        return envelope
