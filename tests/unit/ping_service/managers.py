"""A manager that a worker speaks to without any socket: what it answers is set by the test."""

import json
from typing import Any

from yarl import URL

from hoploom.kit.errors import Unavailable
from hoploom.kit.http_client import Answer, HttpClient
from hoploom.trust.keys import Signer, verify
from hoploom.wire.enrolment import ROUTE, Enrolled, EnrolRequest, Proof, challenge_message, proof_message, token_digest

URL_A, URL_B = "https://a.example.org", "https://b.example.org"
TOKEN = "7QK2-M0XD-93FA-TZ4C"
ANSWER = Enrolled(name="pi", number=2_000_000_017, credential="hw1.first.x", ttl_s=900)
_PROBLEM = {"Content-Type": "application/problem+json"}


class FakeManagers(HttpClient):
    """All managers of a mesh in one.

    Attributes:
        answer: What enrolments and renewals are answered with.
        refusal: Status and reason instead of an answer; a status of 0 for somebody who is no manager.
        away: Base URLs that do not answer.
        asked: Base URL and path of each call.
        left: Names of the workers that have left.
    """

    def __init__(self, key: Signer) -> None:
        """Know the worker's public key."""
        super().__init__()
        self._public = key.public
        self.answer = ANSWER
        self.refusal: tuple[int, str] | None = None
        self.away: set[str] = set()
        self.asked: list[tuple[str, str]] = []
        self.left: list[str] = []

    async def request(self, method: str, url: str | URL, *, timeout_s: float = 5.0, **options: Any) -> Answer:
        """Answer as a manager would; proofs are checked."""
        base, _, path = str(url).partition(ROUTE)
        self.asked.append((base, path))
        if base in self.away:
            raise Unavailable("no answer")
        if path == "/challenge":
            return _ok({"v": 1, "challenge": f"hc1.{len(self.asked)}"})
        if self.refusal and not self.refusal[0]:
            return Answer(200, b"<html>please sign in</html>")
        if self.refusal:
            return Answer(self.refusal[0], b'{"detail": "%s"}' % self.refusal[1].encode(), _PROBLEM)
        self._check(path.removeprefix("/"), options["json"])
        return _ok(self.answer.to_json())

    def _check(self, what: str, document: object) -> None:
        if what == "enrol":
            asked = EnrolRequest.from_json(document)
            message = proof_message(token_digest(asked.token), asked.key)
            assert verify(asked.key, message, asked.proof) and asked.key == self._public
            return
        proof = Proof.from_json(document)
        assert verify(self._public, challenge_message(what, proof.name, proof.challenge), proof.signature)
        if what == "leave":
            self.left.append(proof.name)


def _ok(document: dict[str, Any]) -> Answer:
    return Answer(200, json.dumps(document).encode(), {"Content-Type": "application/json"})
