"""One mesh on this machine: where it is, what of it runs, and how to ask its engines.

`bringing_up` and `taking_down` change it; everything else only asks.
"""

import os
from collections.abc import Callable, Mapping
from typing import Any

from hoploom.kit.errors import ConfigError
from hoploom.kit.http_client import HttpClient
from hoploom.local import processes, tokens
from hoploom.local.attached import Attached
from hoploom.local.consul_agent import ConsulAdmin
from hoploom.local.guest import TOKENS
from hoploom.local.nomad_agent import NomadAdmin
from hoploom.local.places import Places
from hoploom.local.processes import Process

Say = Callable[[str, str], None]
NODE = "local"
# In the order of their start; stopped in reverse.
ENGINES = ("consul", "fabio", "nomad-server", "nomad-client")
KIT_ENGINES = ("consul", "fabio")
# Set by agents and CLIs of other meshes; ours is told everything by its files.
_FOREIGN = ("CONSUL_", "NOMAD_", "HOPLOOM_")


class LocalMesh:
    """One mesh on this machine, by the record that it keeps of itself."""

    def __init__(self, places: Places, say: Say) -> None:
        """Know where the state is, and whom to tell."""
        self.places, self.say = places, say
        self.record: dict[str, Any] = places.read()
        self.http = HttpClient()

    @property
    def ports(self) -> Mapping[str, int]:
        """The ports of this mesh."""
        found: dict[str, int] = self.record["ports"]
        return found

    @property
    def attached(self) -> Attached:
        """What of this mesh is somebody else's."""
        return Attached.of(self.record)

    @property
    def consul_url(self) -> str:
        """The Consul agent."""
        return self.attached.consul or f"http://127.0.0.1:{self.ports['consul_http']}"

    @property
    def nomad_url(self) -> str:
        """Nomad."""
        return self.attached.nomad or f"http://127.0.0.1:{self.ports['nomad_http']}"

    @property
    def fabio_url(self) -> str:
        """Where people and workers reach the services."""
        attached = self.attached
        return (attached.fabio or f"http://127.0.0.1:{self.ports['fabio_proxy']}") + attached.names.route_prefix

    @property
    def fabio_admin_url(self) -> str:
        """Fabio's pages."""
        return self.attached.fabio_admin or f"http://127.0.0.1:{self.ports['fabio_ui']}"

    def process(self, name: str) -> Process | None:
        """A recorded engine process, if that very process still runs."""
        known = self.record.get("processes", {}).get(name)
        process = Process(int(known["pid"]), str(known["started"])) if known else None
        return process if process and process.alive else None

    def running(self) -> bool:
        """Whether any engine of this mesh runs."""
        return any(self.process(name) for name in ENGINES)

    def require_running(self) -> None:
        """Raises ConfigError when there is no mesh to ask."""
        if not self.is_up("consul"):
            raise ConfigError(f"no mesh {self.places.mesh!r} is running (start it with `hoploom up`)")

    @property
    def secrets(self) -> Mapping[str, str]:
        """The tokens of this mesh, made or given."""
        return tokens.read(self.places)

    def consul(self) -> ConsulAdmin:
        """The owner's view of Consul."""
        return ConsulAdmin(self.http, self.consul_url, self.secrets["management"], self.attached.names)

    def nomad(self) -> NomadAdmin:
        """The owner's view of Nomad."""
        return NomadAdmin(self.http, self.nomad_url, self.secrets["nomad"], self.attached)

    def is_up(self, name: str) -> bool:
        """Whether an engine is ours and runs, or is somebody else's while this mesh is up."""
        return self.process(name) is not None if self.attached.is_own(name) else bool(self.record.get("up"))

    def attach(self, attached: Attached, consul_token: str, nomad_token: str) -> None:
        """Keep what was joined, and the tokens that a person gave for it, in files of mode 0600.

        Raises:
            ConfigError: This mesh has engines of its own where others are joined now, or the other way round.
        """
        before = self.attached
        # One that was refused before it entered anything may try elsewhere.
        has_entered = "up" in self.record or not before.id
        if self.record and has_entered and (before.id, before.prefix, set(before.engines)) != (
            attached.id, attached.prefix, set(attached.engines),
        ):  # fmt: skip
            joined = ", ".join(before.engines.values()) or "nothing"
            raise ConfigError(
                f"mesh {self.places.mesh!r} was made with other engines (joined: {joined}): go on with those, "
                "name another by --mesh, or remove it by `hoploom down --purge`"
            )
        self.places.make()
        given = {"management": consul_token if attached.consul else "", "nomad": nomad_token if attached.nomad else ""}
        if attached.consul_acl and not attached.makes_tokens:
            given |= dict.fromkeys(TOKENS, consul_token)
        tokens.keep(self.places, given)
        self.record["attached"] = attached.as_dict()
        self.save()

    def save(self) -> None:
        """Write the record."""
        self.places.write(self.record)

    def start(self, name: str, command: list[str], environ: Mapping[str, str] | None = None) -> bool:
        """Start an engine of our own and record it; False where it runs. `environ` is added to its environment."""
        if self.process(name):
            return False
        kept = {key: value for key, value in os.environ.items() if not key.startswith(_FOREIGN)}
        environ = {**kept, **(environ or {})}
        process = processes.start(command, self.places.logs / f"{name}.log", environ)
        self.record.setdefault("processes", {})[name] = process.as_dict()
        self.save()
        return True

    def last_words(self, name: str) -> str:
        """The last line of an engine's log."""
        log = self.places.logs / f"{name}.log"
        lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines() if log.exists() else []
        return f"{lines[-1].strip() if lines else 'it said nothing'} (whole log: {log})"

    async def close(self) -> None:
        """Close the connections."""
        await self.http.close()
