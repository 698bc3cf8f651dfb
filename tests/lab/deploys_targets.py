"""What is asked of each service while it is replaced: by GET and by POST, neither with an idempotency key."""

import json
import uuid
from collections.abc import Callable, Mapping, Sequence

from hoploom.wire.batch_codec import MEDIA_TYPE_ZSTD, pack
from lab.made_batches import made
from vegeta import Target

BATCHES = 32
"""So many different batches are sent in turn; one that comes again while it is being stored is answered 409."""


def of_services(url: str, token: Callable[[str], str]) -> dict[str, list[Target]]:
    """What is asked of input, output and manager.

    Args:
        url: Where their routes begin.
        token: Gives the token of `operator` and of `worker`.
    """
    operator, worker = _bearer(token("operator")), _bearer(token("worker"))
    return {
        "input": [Target("GET", f"{url}/api/v1/campaigns", headers=operator), _lease(url, worker)],
        "output": _results(url, operator, worker),
        "manager": [
            Target("GET", f"{url}/api/v1/workers", headers=operator),
            Target("POST", f"{url}/api/v1/workers/challenge"),
        ],
    }


def in_turn(found: Mapping[str, Sequence[Target]]) -> list[Target]:
    """What is asked of all of them, each as often as the others."""
    return [asked[number % len(asked)] for number in range(2 * BATCHES) for asked in found.values()]


def _lease(url: str, worker: dict[str, str]) -> Target:
    who = {"worker": "nobody", "group": "nobody", "rate_pps": 100, "families": [4]}
    asked = json.dumps({"v": 1, "request_id": str(uuid.uuid4()), **who}).encode()
    # No campaign runs, so there is no work: 204 is its own answer.
    return Target("POST", f"{url}/leases", asked, {**worker, "Content-Type": "application/json"}, good=(204,))


def _results(url: str, operator: dict[str, str], worker: dict[str, str]) -> list[Target]:
    get = Target("GET", f"{url}/api/v1/results?limit=1", headers=operator)
    headers = {**worker, "Content-Type": MEDIA_TYPE_ZSTD}
    batches = [pack(made(str(uuid.uuid4()))) for _ in range(BATCHES)]
    return [each for one in batches for each in (get, Target("POST", f"{url}/results", one, headers, (200, 409)))]


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}
