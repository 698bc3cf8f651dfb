"""The secrets of a mesh: made once, kept in the inventory's Vault file. The one place that knows what belongs to them.

A token of a service on a host is derived from a seed, so that a host that joins later needs no new secret.
"""

import base64
import hashlib
import hmac
import secrets
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.module_utils.common.text.converters import to_bytes

TOKEN_DIR = "/etc/hoploom/tokens"
GOSSIP_KEY_BYTES = 32
# Consul's and Nomad's management tokens, Consul's replication token, and hoploom's own two.
TOKENS = ("management", "replication", "nomad", "operator", "worker")
_ACCESSORS = uuid.UUID("9c0a31f4-3a52-4f0e-8a5e-6f4b1c7f2d10")


def complete(known: Mapping[str, object]) -> dict[str, object]:
    """What is known, and a new secret for whatever is missing; nothing that is there is changed.

    Args:
        known: `hoploom_secrets` as the inventory has it; empty for a new mesh.
    """
    makers: dict[str, Callable[[], str]] = {
        "consul_gossip_key": _gossip_key,
        "nomad_gossip_key": _gossip_key,
        "token_seed": lambda: secrets.token_hex(32),
        **{f"{name}_token": lambda: str(uuid.uuid4()) for name in TOKENS},
    }
    return {**{name: make() for name, make in makers.items() if not known.get(name)}, **known}


def missing(known: Mapping[str, object]) -> list[str]:
    """Names of the secrets that are not there, the authority's among them."""
    wanted = ("ca_certificate", *complete({}))
    return [name for name in wanted if not known.get(name)]


def problems(known: Mapping[str, object]) -> list[str]:
    """What is wrong with the secrets of an inventory."""
    if lacking := missing(known):
        return [f"the Vault file lacks {', '.join(lacking)}: run secrets.yml with the password of the Vault file"]
    return [f"{name} in the Vault file is no gossip key (32 bytes in base64)"
            for name in ("consul_gossip_key", "nomad_gossip_key") if not is_gossip_key(str(known[name]))]


def token(seed: str, service: str, host: str) -> str:
    """The secret id of a service's token on one host: nobody without the seed can tell it from a random UUID."""
    digest = hmac.new(to_bytes(seed), to_bytes(f"{service}@{host}"), hashlib.sha256).digest()
    return str(uuid.UUID(bytes=digest[:16], version=4))


def token_files(services: Sequence[str], seed: str, host: str, owners: Mapping[str, str]) -> list[dict[str, str]]:
    """The token file of each service on a host, as the module private_files takes it; owned by who reads it."""
    return [{"path": f"{TOKEN_DIR}/{each}", "content": token(seed, each, host), "owner": owners.get(each, each)}
            for each in services]


def accessor(service: str, host: str) -> str:
    """The public id of the same token."""
    return str(uuid.uuid5(_ACCESSORS, f"{service}@{host}"))


def consul_tokens(rights: Sequence[Mapping[str, Any]], known: Mapping[str, str]) -> list[dict[str, Any]]:
    """Consul's tokens, as the module consul_acl takes them.

    Args:
        rights: What the filter consul_rights says.
        known: The mesh's secrets.
    """
    found = [
        {
            "accessor": accessor(each["service"], each["host"]),
            "secret": token(known["token_seed"], each["service"], each["host"]),
            "description": f"hoploom {each['service']} on {each['host']}",
            "policies": each["policies"],
            "node": each.get("node"),
        }
        for each in rights
    ]
    replication = {
        "accessor": accessor("replication", "all"),
        "secret": known["replication_token"],
        "description": "hoploom replication on all",
        "policies": ["hoploom-replication"],
    }
    return [replication, *found]


def fingerprint(secret: str) -> str:
    """By which two sides find out whether they hold the same secret without showing it."""
    return hashlib.sha256(to_bytes(secret)).hexdigest()


def is_gossip_key(text: str) -> bool:
    """Whether this is a key as `consul keygen` and `nomad operator gossip keyring generate` make them."""
    try:
        return len(base64.b64decode(text, validate=True)) == GOSSIP_KEY_BYTES
    except ValueError:
        return False


def _gossip_key() -> str:
    return base64.b64encode(secrets.token_bytes(GOSSIP_KEY_BYTES)).decode("ascii")


class FilterModule:
    """What Ansible finds here."""

    def filters(self) -> dict[str, Callable[..., object]]:
        """The filters by name."""
        return {
            "complete_secrets": complete,
            "missing_secrets": missing,
            "secret_problems": problems,
            "mesh_token": token,
            "token_files": token_files,
            "mesh_accessor": accessor,
            "consul_tokens": consul_tokens,
            "fingerprint": fingerprint,
            "is_gossip_key": is_gossip_key,
        }
