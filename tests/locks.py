"""Locks as `consul lock` takes and gives them: without a look at what stands there."""

from hoploom.kit.consul_api import LOCK_FLAG, ConsulApi


async def lock(consul: ConsulApi, key: str, value: bytes, session: str) -> bool:
    """Take a lock; False where another has it, or its delay runs."""
    return await consul.kv_txn([_operation("lock", key, value, session)]) is not None


async def unlock(consul: ConsulApi, key: str, value: bytes, session: str) -> bool:
    """Give a lock back; False where the session did not hold it."""
    return await consul.kv_txn([_operation("unlock", key, value, session)]) is not None


def _operation(verb: str, key: str, value: bytes, session: str) -> dict[str, object]:
    return {"Verb": verb, "Key": key, "Value": value, "Flags": LOCK_FLAG, "Session": session}
