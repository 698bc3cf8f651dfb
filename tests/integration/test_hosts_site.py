"""One playbook run brings two bare hosts to a mesh whose services are all healthy and routed; a second changes nothing.

The same with two datacenters: `python3 tests lab site`.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from lab.hosts import Lab, Played, unmet
from lab.security import canaries, hardening, reach
from lab.security_trial import of_services
from lab.site import ONE_DATACENTER, SERVICES, Site, changed, prepare
from waiting import until

pytestmark = pytest.mark.skipif(unmet() is not None, reason=unmet() or "")
HEALTH = "curl -sf -H \"X-Consul-Token: $(cat /etc/hoploom/tokens/input)\" http://127.0.0.1:8500/v1/health/service/{}"

# What belongs to the engines on a host: programs, settings, units, users, and the processes themselves.
ENGINES = """
    find /etc/consul.d /etc/nomad.d /etc/fabio /etc/systemd/system /usr/local/bin -xdev \\( -type f -o -type l \\) \
        -printf '%p %l %m %u %g %T@\\n' | sort
    getent passwd consul nomad fabio
    systemctl show -p MainPID consul nomad nomad-server fabio
"""


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with Lab(ONE_DATACENTER) as lab:
        yield prepare(lab)


@pytest.fixture(scope="module")
def first(site: Site) -> Played:
    return site.play("site.yml", "-v", "--diff")


def test_what_would_be_done_to_bare_hosts_can_be_seen_before(site: Site) -> None:
    played = site.play("site.yml", "--check", "--diff")
    assert played.rc == 0, played.output
    assert all(changed(played).values())
    assert site.lab.ssh("a1", "test -e /etc/consul.d || test -e /usr/local/bin/consul").rc != 0


@pytest.mark.usefixtures("first")
def test_all_four_services_are_healthy_and_routed_on_every_host(site: Site, first: Played) -> None:
    assert first.rc == 0, first.output
    for name, seat in site.lab.seats.items():
        targets = site.targets(seat.address, name)
        assert {service: len(targets[service]) for service in SERVICES} == {"input": 2, "output": 1, "manager": 2}
    until("every check of every service passes", lambda: statuses(site) == {"passing"}, within_s=60)
    assert len(health(site, "ping")) == 2, "a worker on every host"


def statuses(site: Site) -> set[str]:
    found = [each for service in (*SERVICES, "ping") for each in health(site, service)]
    return {check["Status"] for each in found for check in each["Checks"]}


def health(site: Site, service: str) -> list[dict[str, list[dict[str, str]]]]:
    found: list[dict[str, list[dict[str, str]]]] = json.loads(site.lab.ssh("a1", HEALTH.format(service)).out)
    return found


@pytest.mark.usefixtures("first")
def test_a_second_run_changes_nothing_and_sees_nothing_to_change(site: Site) -> None:
    for words in ([], ["--check", "--diff"]):
        played = site.play("site.yml", *words)
        assert played.rc == 0, played.output
        assert set(changed(played).values()) == {0}, played.output


@pytest.mark.usefixtures("first")
def test_engines_that_somebody_else_manages_are_left_as_they_are(site: Site) -> None:
    before = [site.lab.ssh(name, ENGINES).out for name in site.lab.seats]
    words = [word for engine in ("consul", "nomad", "fabio") for word in ("-e", f"{engine}_manage=false")]
    played = site.play("site.yml", *words)
    assert played.rc == 0, played.output
    assert [site.lab.ssh(name, ENGINES).out for name in site.lab.seats] == before
    assert all("consul" in each and "MainPID" in each for each in before)


@pytest.mark.usefixtures("first")
def test_agents_run_hardened_and_listen_for_strangers_nowhere(site: Site) -> None:
    assert hardening.problems(hardening.exposures(site.lab, "a1")) == []
    assert reach.problems(site.lab, "a1") == []


@pytest.mark.usefixtures("first")
def test_the_token_of_each_service_is_refused_whatever_is_not_its_own(site: Site) -> None:
    assert [each for each in of_services(site.lab) if each[1]] == []


def test_no_secret_is_shown_by_the_playbook_or_lies_where_others_may_read_it(site: Site, first: Played) -> None:
    secrets = canaries.secrets(site)
    assert canaries.told(first.output, secrets) == []
    canaries.lay(site, "a1", secrets)
    assert canaries.found_on(site, "a1", secrets) == {}


SECRETS = "{{ hoploom_secrets | combine({'consul_gossip_key': '%s'}) }}"
SUMS = dict.fromkeys(("consul_1.22.1_linux_amd64.zip", "fabio-1.7.2-linux_amd64"), "0" * 64)
OLD = {"consul_version": "1.22.1", "hoploom_mirror_sha256": SUMS}


@pytest.mark.parametrize(
    ("said", "variables"),
    [
        ("say in group_vars/all which datacenter is hoploom_home_dc", {"hoploom_home_dc": ""}),
        ("consul_gossip_key in the Vault file is no gossip key", {"preflight_secrets": SECRETS % "short"}),
        ("a1, a2: consul there keeps another gossip key", {"preflight_secrets": SECRETS % ("B" * 43 + "=")}),
        ("a1, a2: it runs consul 1.22.7, and 1.22.1 is older", OLD),
        ("nomad/input.nomad.hcl has no variable cuont", {"nomad_job_variables": {"input": {"cuont": 3}}}),
    ],
)
@pytest.mark.usefixtures("first")
def test_a_mistake_is_one_message_before_anything_is_changed(site: Site, said: str, variables: Any) -> None:
    given = site.lab.folder / "given.json"
    given.write_text(json.dumps(variables), encoding="utf-8")
    assert_stopped(site.play("site.yml", "-e", f"@{given}"), said)


@pytest.mark.usefixtures("first")
def test_a_host_that_is_away_stops_the_run_before_anything_is_changed(site: Site) -> None:
    site.lab.power_off("a2")
    assert_stopped(site.play("site.yml"), "a2: it cannot be looked at: ")


def assert_stopped(played: Played, said: str) -> None:
    assert played.rc != 0
    assert f"Nothing was changed: {said}" in " ".join(played.output.split()), played.output
    assert set(changed(played).values()) == {0}
