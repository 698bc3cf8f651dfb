"""Users: writes of both stores from two processes at once and none lost, writers killed, and what a password costs.

At scale 1 two processes write a file 10,000 times beside as many bare writes that are put on disk the same way.
"""

import asyncio
import os
import random
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from argon2.low_level import Type, hash_secret

from engine_processes import ConsulAgent
from hoploom import engines
from hoploom.cli.bench import Figure, at_least, at_most
from hoploom.kit.consul_api import ConsulApi
from hoploom.manager.people.kv_users import KvUsers
from hoploom.manager.people.passwords import Passwords
from hoploom.manager.people.users import User
from hoploom.manager.people.users_file import UsersFile
from hoploom.wire.people import Role
from user_writers import plus_one, writer

WRITES, KV_WRITES, KILLS, VERIFIED = 10_000, 2_000, 200, 60
ANNA = User(name="anna", role=Role.ADMIN, hash="$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA")


def measure(scale: float) -> list[Figure]:
    """All of it.

    Args:
        scale: Part of the full number of trials.
    """
    with tempfile.TemporaryDirectory() as folder:
        return [
            *_file(Path(folder), max(20, int(WRITES * scale))),
            _killed(Path(folder), max(5, int(KILLS * scale))),
            *_consul(Path(folder), max(20, int(KV_WRITES * scale))),
            *asyncio.run(_passwords(max(8, int(VERIFIED * scale)))),
        ]


def _file(folder: Path, writes: int) -> list[Figure]:
    path = folder / "users.json"
    file = UsersFile(path)
    file.change("anna", lambda _: ANNA)
    bare = ("bare writes, fsync, rename, fsync", _rate(writes // 10, lambda: _bare(folder / "bare", path.read_bytes())))
    began_s = time.monotonic()
    running = [writer(path, "anna", writes // 2) for _ in range(2)]
    for each in running:
        each.communicate()
    rate = 2 * (writes // 2) / (time.monotonic() - began_s)
    lost = 2 * (writes // 2) - file.read()["anna"].changed
    return [
        at_most(f"writes lost of {2 * (writes // 2):,} by two processes to one file", lost, "writes", 0),
        at_least("writes to the file, two processes", rate, "1/s", 20, bare),
    ]


def _bare(path: Path, content: bytes) -> None:
    new = path.with_suffix(".new")
    with new.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    descriptor = os.open(path.parent, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


def _killed(folder: Path, kills: int) -> Figure:
    """Writers that are killed at any moment: the file has the write that was said last, or the one after it."""
    path, torn, chance = folder / "killed.json", 0, random.Random(7)
    file = UsersFile(path)
    file.change("anna", lambda _: ANNA)
    said = 0
    for _ in range(kills):
        process = writer(path, "anna", 0)
        assert process.stdout
        for _ in range(chance.randrange(1, 8)):
            said = int(process.stdout.readline())
        process.kill()
        rest = process.stdout.read().split("\n")[:-1]
        process.wait()
        said = int(rest[-1]) if rest else said
        torn += file.read()["anna"].changed not in (said, said + 1)
    return at_most(f"files neither old nor new after {kills} kills", torn, "files", 0)


def _consul(folder: Path, writes: int) -> list[Figure]:
    agent = ConsulAgent(engines.ensure(["consul"], report=lambda _: None)["consul"].path, folder / "consul")
    try:
        agent.start()
        return asyncio.run(_kv(agent.url, writes))
    finally:
        agent.stop()


async def _kv(url: str, writes: int) -> list[Figure]:
    consul = ConsulApi(url)
    try:
        stores = [KvUsers(consul), KvUsers(consul)]
        await stores[0].change("anna", lambda _: replace(ANNA, changed=0))
        began_s = time.monotonic()
        for number in range(writes // 10):
            await consul.kv_put("hoploom/bare", f"{number}".encode())
        bare = ("bare puts, one after the other", (writes // 10) / (time.monotonic() - began_s))
        began_s = time.monotonic()
        await asyncio.gather(*(_often(each, writes // 2) for each in stores))
        rate = 2 * (writes // 2) / (time.monotonic() - began_s)
        lost = 2 * (writes // 2) - (await stores[0].read())["anna"].changed
    finally:
        await consul.close()
    return [
        at_most(f"writes lost of {2 * (writes // 2):,} by two managers to one user in Consul", lost, "writes", 0),
        at_least("writes to Consul, two managers", rate, "1/s", 20, bare),
    ]


async def _often(store: KvUsers, count: int) -> None:
    for _ in range(count):
        await store.change("anna", plus_one)


async def _passwords(count: int) -> list[Figure]:
    hashes = Passwords()
    encoded = await hashes.hashed("correct horse battery staple")
    known, unknown, bare = [], [], []
    for _ in range(count):
        # In turn, so that what else the machine does slows all alike.
        known.append(await _took_s(hashes, encoded))
        unknown.append(await _took_s(hashes, ""))
        began_s = time.perf_counter()
        hash_secret(b"wrong", b"0123456789abcdef", 2, 19 * 1024, 1, 32, Type.ID)
        bare.append(time.perf_counter() - began_s)
    # The best of each: what else the machine does only adds.
    took_s = min(known)
    began_s = time.perf_counter()
    await asyncio.gather(*(hashes.is_right(encoded, "wrong") for _ in range(count)))
    rate = count / (time.perf_counter() - began_s)
    apart = abs(took_s - min(unknown)) / took_s * 100
    return [
        at_most("a password verified", took_s * 1e3, "ms", 500, ("a bare Argon2id", min(bare) * 1e3)),
        at_least("passwords verified, two at a time", rate, "1/s", 4, ("one after the other", 1 / took_s)),
        at_most("somebody who does not exist, compared", apart, "% apart", 10),
    ]


async def _took_s(hashes: Passwords, encoded: str) -> float:
    began_s = time.perf_counter()
    await hashes.is_right(encoded, "wrong")
    return time.perf_counter() - began_s


def _rate(count: int, work: Callable[[], None]) -> float:
    began_s = time.monotonic()
    for _ in range(count):
        work()
    return count / (time.monotonic() - began_s)
