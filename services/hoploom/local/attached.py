"""What of a mesh is somebody else's: which engines it joined, and what it may do there. Pure.

The record of the mesh keeps it, so that `status`, `map` and `down` know without being told.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from hoploom.kit.names import PLAIN, Names

OWN_DC = "dc1"


@dataclass(frozen=True)
class Attached:
    """Engines of strangers that a mesh uses; an empty address is an engine of the mesh's own.

    Attributes:
        id: Of this mesh, kept in what it enters elsewhere; empty for a mesh that has joined nobody.
        prefix: Of all that this mesh enters there.
        consul: URL of the Consul agent.
        nomad: URL of Nomad.
        fabio: URL at which Fabio routes.
        fabio_admin: URL of Fabio's pages, at which its routes can be seen.
        dc: Consul's datacenter.
        consul_acl: Whether Consul wants a token.
        makes_tokens: Whether the token given may make one for each service.
        nomad_acl: Whether Nomad wants a token.
        node: Id of the Nomad client on this host.
        node_dc: Its datacenter.
        node_pool: Its pool.
    """

    id: str = ""
    prefix: str = ""
    consul: str = ""
    nomad: str = ""
    fabio: str = ""
    fabio_admin: str = ""
    dc: str = OWN_DC
    consul_acl: bool = True
    makes_tokens: bool = True
    nomad_acl: bool = True
    node: str = ""
    node_dc: str = OWN_DC
    node_pool: str = "default"

    @property
    def names(self) -> Names:
        """How our things are called there."""
        return Names.apart(self.prefix) if self.prefix else PLAIN

    @property
    def engines(self) -> dict[str, str]:
        """Address by name of each engine that is somebody else's."""
        found = {"consul": self.consul, "nomad": self.nomad, "fabio": self.fabio}
        return {name: address for name, address in found.items() if address}

    def is_own(self, process: str) -> bool:
        """Whether a process such as "nomad-server" is to be one of ours."""
        return process.partition("-")[0] not in self.engines

    def ours(self) -> str:
        """What carries the prefix, for a person."""
        names = self.names
        return (f"keys {names.prefix}/..., services {names.service_prefix}*, jobs {names.prefix}-*, "
                f"routes {names.route_prefix}/...; `hoploom down --purge` removes them")  # fmt: skip

    def as_dict(self) -> dict[str, Any]:
        """For the record."""
        return asdict(self)

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> "Attached":
        """What the record of a mesh says."""
        found = record.get("attached") or {}
        known = {each.name for each in fields(cls)}
        return cls(**{name: value for name, value in found.items() if name in known})
