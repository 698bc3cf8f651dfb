"""Runs of `site.yml` that must stop with one message before anything is changed."""

import contextlib
import datetime
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from lab.hosts import Lab
from lab.security import canaries, state
from lab.site import Site

Arranged = Callable[[Site], AbstractContextManager[Mapping[str, object]]]


class Refusal(NamedTuple):
    """A mistake.

    Attributes:
        what: The mistake in words.
        arranged: Makes it, and takes it back; gives variables that are said with `-e`.
        said: What the message has to say.
    """

    what: str
    arranged: Arranged
    said: str


def variables(**given: object) -> Arranged:
    """The inventory says something else."""

    @contextlib.contextmanager
    def arranged(site: Site) -> Iterator[Mapping[str, object]]:
        yield given

    return arranged


def inventory(change: Callable[[dict[str, Any]], object]) -> Arranged:
    """The inventory's file of variables is another one.

    Args:
        change: Changes the variables.
    """

    @contextlib.contextmanager
    def arranged(site: Site) -> Iterator[Mapping[str, object]]:
        path = site.lab.inventory / "group_vars" / "all" / "site.yml"
        before = path.read_text(encoding="utf-8")
        known = json.loads(before)
        change(known)
        path.write_text(json.dumps(known), encoding="utf-8")
        try:
            yield {}
        finally:
            path.write_text(before, encoding="utf-8")

    return arranged


def missing(name: str) -> Arranged:
    """The inventory lacks a variable."""
    return inventory(lambda known: known.pop(name))


def older(name: str, version: str, archive: str) -> Arranged:
    """The inventory names an older version, whose archive has a sum."""

    def change(known: dict[str, Any]) -> None:
        known[name] = version
        known["hoploom_mirror_sha256"][archive] = "0" * 64

    return inventory(change)


def tampered(pattern: str) -> Arranged:
    """An archive of the mirror has one byte more than when its sum was made."""

    @contextlib.contextmanager
    def arranged(site: Site) -> Iterator[Mapping[str, object]]:
        [path] = site.lab.mirror_folder.glob(pattern)
        size = path.stat().st_size
        with path.open("ab") as file:
            file.write(b"!")
        try:
            yield {}
        finally:
            with path.open("ab") as file:
                file.truncate(size)

    return arranged


@contextlib.contextmanager
def away(site: Site) -> Iterator[Mapping[str, object]]:
    """The last host has lost its power."""
    name = list(site.lab.seats)[-1]
    site.lab.power_off(name)
    try:
        yield {}
    finally:
        site.lab.boot(name)


def secret(name: str, made: Callable[[Mapping[str, str]], str]) -> Arranged:
    """The Vault file has another secret than before."""

    @contextlib.contextmanager
    def arranged(site: Site) -> Iterator[Mapping[str, object]]:
        known = canaries.given(site)
        yield {"hoploom_secrets": {**known, name: made(known)}}

    return arranged


def expired(known: Mapping[str, str]) -> str:
    """The authority's certificate as it would be had it expired yesterday."""
    key = serialization.load_pem_private_key(known["ca_key"].encode("ascii"), None)
    mine = x509.load_pem_x509_certificate(known["ca_certificate"].encode("ascii"))
    now = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(mine.subject)
        .issuer_name(mine.issuer)
        .public_key(mine.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=9))
        .not_valid_after(now - datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())  # type: ignore[arg-type]
    )
    return signed.public_bytes(serialization.Encoding.PEM).decode("ascii")


OF_BARE_HOSTS = (
    Refusal("no home datacenter", missing("hoploom_home_dc"), "say in group_vars/all which datacenter is"),
    Refusal("no networks", missing("hoploom_networks"), "say in group_vars/all which hoploom_networks"),
    Refusal("no version", missing("hoploom_version"), "hoploom_version"),
    Refusal("an engine's archive is tampered with", tampered("consul_*"), "it was changed, or the sum is of another"),
    Refusal("hoploom's archive is tampered with", tampered("hoploom-*.tar.gz"), "checksum"),
    Refusal("a job has an unknown variable", variables(nomad_job_variables={"input": {"cuont": 3}}),
            "nomad/input.nomad.hcl has no variable cuont"),
    Refusal("the authority has expired", secret("ca_certificate", expired), "it expired on"),
    Refusal("a host is away", away, "it cannot be looked at"),
)
OF_A_MESH = (
    Refusal("another gossip key", secret("consul_gossip_key", lambda known: known["nomad_gossip_key"]),
            "keeps another gossip key than"),
    Refusal("an older engine", older("consul_version", "1.20.0", "consul_1.20.0_linux_amd64.zip"), "1.20.0 is older"),
    Refusal("an older hoploom", older("hoploom_version", "0.0.1", "hoploom-0.0.1-linux-x86_64-cp311.tar.gz"),
            "0.0.1 is older"),
    Refusal("a job has an unknown variable", variables(nomad_job_variables={"input": {"cuont": 3}}),
            "nomad/input.nomad.hcl has no variable cuont"),
    Refusal("a host is away", away, "it cannot be looked at"),
)


def problems(site: Site, refusal: Refusal) -> list[str]:
    """What was wrong with how a run was refused; empty when all was well."""
    lab: Lab = site.lab
    names = tuple(lab.seats)
    watched = names[:-1] if refusal.arranged is away else names
    before = state.of_hosts(lab, watched)
    with refusal.arranged(site) as given:
        path: Path = lab.folder / "given.json"
        path.touch(mode=0o600)
        path.write_text(json.dumps(given), encoding="utf-8")
        played = site.play("site.yml", "-e", f"@{path}")
    said = " ".join(played.output.split())
    found = [] if played.rc else ["it was not refused"]
    found += [] if refusal.said in said else [f"it does not say {refusal.said!r}: {said[-800:]}"]
    found += ["there is a traceback"] if "Traceback" in said else []
    found += [f"{host} has changed={counts['changed']}" for host, counts in played.stats.items() if counts["changed"]]
    return found + state.differences(before, state.of_hosts(lab, watched))[:8]
