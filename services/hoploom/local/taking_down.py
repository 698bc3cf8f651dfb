"""Takes a mesh down: jobs stopped, so that the services drain -> Nomad, Fabio, Consul, where they are its own.

What was entered in somebody else's Consul is taken out: services always, the rest with a purge.
"""

import asyncio
import shutil
import subprocess
from pathlib import Path

from hoploom.kit.errors import ConfigError, Unavailable
from hoploom.local import processes
from hoploom.local.guest import Guest
from hoploom.local.mesh import ENGINES, LocalMesh
from hoploom.local.until import until

_STOP_TIMEOUT_S = 10.0
# The services' own drain and Nomad's kill time-out lie within 30 s.
_DRAINED_TIMEOUT_S = 40.0


async def down(mesh: LocalMesh, *, purge: bool = False) -> None:
    """Stop everything, gracefully first; afterwards no process of this mesh is left.

    Args:
        mesh: The mesh.
        purge: Remove all of its state too, and all that it entered elsewhere.

    Raises:
        Unavailable: A purge could not remove all that is ours elsewhere; the state is kept for another try.
        ConfigError: The state cannot be removed.
    """
    stopped = True
    # Somebody else's Nomad goes on with our jobs, whether our Consul runs or not.
    if mesh.is_up("nomad-server") and (mesh.is_up("consul") or mesh.attached.nomad):
        stopped = await _stop_jobs(mesh, purge=purge)
    await _stop_engines(mesh)
    if mesh.attached.consul:
        await _leave(mesh, purge=purge)
    mesh.record["processes"] = {}
    if stopped and "up" in mesh.record:
        mesh.record["up"] = False
    if purge:
        _purge(mesh.places.root)
    elif mesh.places.root.exists():
        mesh.save()


async def _stop_engines(mesh: LocalMesh) -> None:
    for name in reversed(ENGINES):
        process = mesh.process(name)
        if process and not await asyncio.to_thread(processes.stop, process, _STOP_TIMEOUT_S):
            mesh.say("stopped", f"{name} had to be killed")
    for stray in processes.strays(mesh.places.root):
        await asyncio.to_thread(processes.stop, stray, 15.0)


async def _leave(mesh: LocalMesh, *, purge: bool) -> None:
    """Take what is ours out of somebody else's Consul."""
    guest = Guest(mesh.consul(), mesh.attached)
    try:
        await guest.leave()
        if purge:
            await guest.purge()
    except Unavailable as error:
        if purge:
            raise Unavailable(_kept(f"Consul at {mesh.consul_url}", error)) from error
        mesh.say("stopped", f"Consul at {mesh.consul_url} may still list services of ours: {error}")


async def _stop_jobs(mesh: LocalMesh, *, purge: bool) -> bool:
    """Stop the jobs and wait for the end of their services; False where somebody else's Nomad may still run them."""
    nomad = mesh.nomad()
    try:
        for name in ("ping", "manager", "input", "output"):
            await nomad.stop(name)
        await until("the end of all services", lambda: _drained(mesh), _DRAINED_TIMEOUT_S)
    except (ConfigError, Unavailable) as error:
        if purge and mesh.attached.nomad:
            # Jobs that run on would enter everything again.
            raise Unavailable(_kept(f"Nomad at {mesh.nomad_url}", error)) from error
        mesh.say("stopped", f"not all services drained: {error}")
        return mesh.attached.is_own("nomad")
    return True


async def _drained(mesh: LocalMesh) -> bool:
    if await mesh.nomad().running():
        return False
    if not mesh.is_up("consul"):
        return True
    # What died uncleanly before would stay registered for a minute.
    await mesh.consul().clean_up()
    return not await mesh.consul().registered()


def _kept(where: str, error: Exception) -> str:
    return (f"not all that is ours could be removed from {where} ({error}): nothing here was removed; "
            "run `hoploom down --purge` again when it answers")  # fmt: skip


def _purge(root: Path) -> None:
    if not root.exists():
        return
    mounts = Path("/proc/mounts").read_text(encoding="utf-8").splitlines() if Path("/proc/mounts").exists() else []
    below = [line.split()[1] for line in mounts if line.split()[1].startswith(f"{root}/")]
    for mount in sorted(below, reverse=True):
        subprocess.run(["umount", mount], check=False, capture_output=True)
    try:
        shutil.rmtree(root)
    except OSError as error:
        why = f"{error.filename} cannot be removed ({error.strerror})"
        raise ConfigError(f"{why}: run it as the user who owns that") from error
