"""Ads for tests, unsigned."""

from typing import Any

from hoploom.wire.ad_bodies import WorkerBody
from hoploom.wire.ads import WORKER, Ad, Envelope


def ad_of(boot: int = 5, instance: str = "a", generation: int = 1, **fields: Any) -> Ad:
    """An ad of the worker pi-1."""
    given = {"kind": WORKER, "id": "pi-1", "body": WorkerBody(), **fields}
    return Ad(instance=instance * 32, boot=boot, generation=generation, **given)


def enveloped(ad: Ad, remaining_s: float = 45.0) -> Envelope:
    """The ad as it comes, with no true signature."""
    return Envelope(ad=ad.to_bytes(), signature="c2ln", credential="hw1.e30.c2ln", remaining_s=remaining_s)
