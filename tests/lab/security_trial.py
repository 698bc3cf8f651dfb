"""`python3 tests lab security`: two bare hosts become a mesh, and everything that it must refuse is tried."""

import argparse
import shlex
import time
from collections.abc import Iterator, Sequence

from lab.hosts import Lab
from lab.security import asked_on_host, canaries, hardening, reach, refusals, rights, strangers
from lab.site import ONE_DATACENTER, Site, prepare

# Who owns the file of a token on a host; Fabio has its own in its settings.
USERS = {"input": "hoploom-input", "output": "hoploom-output", "manager": "hoploom-manager", "ping": "hoploom-ping"}
HOST = "a1"
Finding = tuple[str, list[str]]


def main(words: Sequence[str]) -> int:
    """Try everything; returns 1 where something was not refused."""
    parser = argparse.ArgumentParser(prog="lab security", description="What a mesh of two hosts must refuse.")
    parser.parse_args(words)
    failed = False
    with Lab(ONE_DATACENTER) as lab:
        site = prepare(lab)
        for what, found in tried(site):
            failed |= bool(found)
            print(f"{time.strftime('%T')} {'WRONG' if found else 'well '} {what}", *found, sep="\n    ", flush=True)
    return int(failed)


def tried(site: Site) -> Iterator[Finding]:
    """Everything: what was tried, and what was wrong with it."""
    yield from refused(site, "bare hosts", refusals.OF_BARE_HOSTS)
    secrets = canaries.secrets(site)
    for host in site.lab.seats:
        canaries.lay(site, host, secrets)
        site.lab.ssh(host, canaries.WATCH)
    for words in (["-vvv", "--diff"], ["-v", "--check", "--diff"]):
        played = site.play("site.yml", *words)
        assert played.rc == 0, played.output[-4000:]
        yield f"site.yml {' '.join(words)} shows no secret", canaries.told(played.output, secrets)
    yield from running(site, secrets)
    yield from refused(site, "a mesh", refusals.OF_A_MESH)
    yield from joining(site)


def refused(site: Site, where: str, table: Sequence[refusals.Refusal]) -> Iterator[Finding]:
    """Mistakes of whoever provisions."""
    for each in table:
        yield f"{where}: {each.what}", refusals.problems(site, each)


def running(site: Site, secrets: dict[str, str]) -> Iterator[Finding]:
    """What needs a mesh and changes nothing of it."""
    lab = site.lab
    yield from of_services(lab)
    yield "nothing of a host's own is reached from another", reach.problems(lab, HOST)
    for host in lab.seats:
        exposures = hardening.exposures(lab, host)
        yield f"{host}: units may do what they need: {exposures}", hardening.problems(exposures)
        lab.ssh(host, "systemctl stop watch-arguments")
        found = canaries.found_on(site, host, secrets)
        yield f"{host}: no secret is where it must not be", [f"{place}: {what}" for place, what in found.items()]
    yield "no secret is in a job", canaries.told(jobs(site), secrets)


def of_services(lab: Lab) -> Iterator[Finding]:
    """The token of each service, tried as the user that owns it; and nobody's."""
    for service, user in USERS.items():
        attempts = rights.forbidden(service)
        found = asked_on_host.answers(lab, HOST, asked_on_host.CONSUL, f"/etc/hoploom/tokens/{service}",
                                      [each[1:] for each in attempts], user)
        pairs = zip(attempts, found, strict=True)
        wrong = [f"{each.what}: {answer}" for each, answer in pairs if not rights.refused(*answer)]
        yield f"the token of {service}: {len(attempts)} attempts refused", wrong
        others = [name for name in USERS if name != service
                  and lab.ssh(HOST, f"runuser -u {user} -- cat /etc/hoploom/tokens/{name}").rc == 0]
        yield f"{user} reads nobody else's token", others
    found = asked_on_host.answers(lab, HOST, asked_on_host.CONSUL, "", [each[1:] for each in rights.ANONYMOUS])
    wrong = [f"{each.what}: {answer}" for each, answer in zip(rights.ANONYMOUS, found, strict=True)
             if not rights.nothing(*answer)]
    yield f"without a token: {len(found)} attempts refused or empty", wrong


def jobs(site: Site) -> str:
    """All that Nomad says of jobs and allocations."""
    keep(site)
    listed = [("GET", "/v1/jobs", None), ("GET", "/v1/allocations?resources=true", None)]
    said = asked_on_host.answers(site.lab, HOST, asked_on_host.NOMAD, "/root/nomad-token", listed)
    names = [f"hoploom-{name}" for name in (*USERS, "collect")]
    paths = [f"/v1/job/{name}{path}" for name in names for path in ("", "/versions", "/submission?version=0")]
    more = asked_on_host.answers(site.lab, HOST, asked_on_host.NOMAD, "/root/nomad-token",
                                 [("GET", path, None) for path in paths])
    assert [status for status, _ in said] == [200, 200]
    return "\n".join(body for _, body in [*said, *more])


def keep(site: Site) -> None:
    """Put the two management tokens onto the server, for the trial's own questions."""
    known = canaries.given(site)
    for name, secret in (("management-token", known["management_token"]), ("nomad-token", known["nomad_token"])):
        ran = site.lab.ssh(HOST, f"umask 077; echo {shlex.quote(secret)} > /root/{name}")
        assert ran.rc == 0, ran.err


def joining(site: Site) -> Iterator[Finding]:
    """Agents that do not belong to the mesh; last, as servers may remember their names."""
    lab, guest = site.lab, list(site.lab.seats)[-1]
    keep(site)
    given = strangers.strangers(lab.seats[guest].address, lab.seats[HOST].address, canaries.given(site))
    for each in given:
        yield f"{each.what} does not get in", strangers.problems(lab, guest, HOST, each)
        strangers.forget(lab, HOST)


