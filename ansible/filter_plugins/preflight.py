"""Every mistake that can be seen before anything is changed, each as one sentence with the way out."""

import ipaddress
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError

Vars = Mapping[str, Any]
_BITS = 64
_ARCHES = ("amd64", "arm64")
_PYTHON = (3, 11)
_VARIABLE = re.compile(r'^variable "(\w+)"', re.MULTILINE)


def inventory_problems(hostvars: Mapping[str, Vars], groups: Mapping[str, Sequence[str]]) -> list[str]:
    """What is wrong with the inventory as a whole.

    Args:
        hostvars: Variables by host.
        groups: Hosts by group.
    """
    hosts = [hostvars[name] for name in groups.get("all", ())]
    if not hosts:
        return ["the inventory has no hosts"]
    found = [f"{name}: its datacenter's group says no hoploom_dc" for name in groups["all"]
             if not hostvars[name].get("hoploom_dc")]
    # One of these would be overwritten in Consul when a worker of that name joins.
    found += [f"{name}: names in Consul that begin with edge- are those of workers elsewhere: call the host otherwise"
              for name in groups["all"] if name.startswith("edge-")]
    dcs = sorted({str(each["hoploom_dc"]) for each in hosts if each.get("hoploom_dc")})
    found += _home_problems(hosts[0], dcs) + _server_problems(hostvars, groups, dcs)
    return found + _address_problems({name: hostvars[name] for name in groups["all"]}, hosts[0])


def host_problems(state: Vars, wanted: Vars) -> list[str]:
    """What is wrong with one host.

    Args:
        state: What the module host_state returned.
        wanted: `archives` and `gossip` fingerprints, by the engines that we manage there.
    """
    found = []
    if state["bits"] != _BITS or state["arch"] not in _ARCHES:
        found.append(f"it is {state['arch']} with {state['bits']} bit: only 64-bit x86 and ARM can run the services")
    if not (state["debian"] and state["systemd"]):
        found.append("it is no Debian with systemd")
    if tuple(map(int, state["python"].split("."))) < _PYTHON:
        found.append(f"its python3 is {state['python']}: 3.11 or newer is needed")
    found += _archive_problems(state["versions"], wanted["archives"])
    for engine, key in wanted["gossip"].items():
        ring = state["keyrings"].get(engine, [])
        if ring and key not in ring:
            found.append(f"{engine} there keeps another gossip key than {engine}_gossip_key in the Vault file: bring "
                         "the right one back, or rotate the keys")
    return found


def _archive_problems(there: Mapping[str, str], archives: Mapping[str, Mapping[str, str]]) -> list[str]:
    found = [each["problem"] for each in archives.values() if "problem" in each]
    for engine, each in archives.items():
        now, version = there.get(engine, ""), each.get("version", "")
        if now and version and _number(now) > _number(version):
            found.append(f"it runs {engine} {now}, and {version} is older: engines are never downgraded; set "
                         f"{engine}_version to {now} or newer")
    return found


def job_problems(given: Mapping[str, Vars], files: Mapping[str, str]) -> list[str]:
    """Variables that a job file does not know, and jobs that do not exist.

    Args:
        given: Variables by job, as the inventory has them.
        files: Text of each job file by job.
    """
    found = []
    for job, variables in given.items():
        if job not in files:
            found.append(f"nomad_job_variables names the job {job}, which does not exist ({', '.join(sorted(files))})")
            continue
        known = set(_VARIABLE.findall(files[job]))
        found += [f"nomad/{job}.nomad.hcl has no variable {name}" for name in variables if name not in known]
    return found


def problems_by_host(hostvars: Mapping[str, Vars], hosts: Sequence[str]) -> list[str]:
    """What was found on these hosts, with their names; what is the same on several is said once."""
    where: dict[str, list[str]] = {}
    for host in hosts:
        for problem in hostvars[host].get("preflight_found", ()):
            where.setdefault(problem, []).append(host)
    return [f"{', '.join(names)}: {problem}" for problem, names in where.items()]


def _home_problems(variables: Vars, dcs: Sequence[str]) -> list[str]:
    home = variables.get("hoploom_home_dc")
    if not home:
        return [f"say in group_vars/all which datacenter is hoploom_home_dc ({', '.join(dcs)})"]
    return [] if home in dcs else [f"hoploom_home_dc is {home}, and no host is there ({', '.join(dcs)})"]


def _server_problems(
    hostvars: Mapping[str, Vars], groups: Mapping[str, Sequence[str]], dcs: Sequence[str]
) -> list[str]:
    with_consul = {str(hostvars[name].get("hoploom_dc")) for name in groups.get("consul_servers", ())}
    found = [f"{dc} has no host in the group consul_servers" for dc in dcs if dc not in with_consul]
    if groups.get("nomad_clients") and not groups.get("nomad_servers"):
        found.append("there are nomad_clients and no nomad_servers")
    return found


def address_of(variables: Vars) -> str:
    """By which the other hosts reach this one."""
    return str(variables.get("hoploom_address") or variables.get("ansible_host") or "")


def addresses_of(hostvars: Mapping[str, Vars], hosts: Sequence[str]) -> list[str]:
    """The addresses of these hosts."""
    return [address_of(hostvars[host]) for host in hosts]


def with_port(addresses: Sequence[str], port: int) -> list[str]:
    """Addresses and a port, as URLs write them."""
    return [f"[{each}]:{port}" if ":" in each else f"{each}:{port}" for each in addresses]


def _address_problems(hosts: Mapping[str, Vars], variables: Vars) -> list[str]:
    try:
        networks = [ipaddress.ip_network(str(each)) for each in variables.get("hoploom_networks") or ()]
    except ValueError as error:
        return [f"hoploom_networks: {error}"]
    if not networks:
        return ["say in group_vars/all which hoploom_networks are the mesh's own"]
    found, seen, families = [], {}, set()
    for name, each in hosts.items():
        try:
            address = ipaddress.ip_address(address_of(each))
        except ValueError:
            found.append(f"{name}: hoploom_address (or ansible_host) must be an IP address, not {address_of(each)!r}")
            continue
        families.add(address.version)
        if address in seen:
            found.append(f"{name} and {seen[address]} have the same address {address}")
        if not any(address in network for network in networks):
            found.append(f"{name}: its address {address} is in none of hoploom_networks")
        seen[address] = name
    if len(families) > 1:
        found.append("some hosts have IPv4 and some IPv6 addresses: agents speak one family; set hoploom_address")
    return found


def _number(version: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in re.split("[+-]", version, maxsplit=1)[0].split("."))
    except ValueError as error:
        raise AnsibleFilterError(f"{version} is no version") from error


class FilterModule:
    """What Ansible finds here."""

    def filters(self) -> dict[str, Callable[..., object]]:
        """The filters by name."""
        return {
            "inventory_problems": inventory_problems,
            "host_problems": host_problems,
            "problems_by_host": problems_by_host,
            "with_port": with_port,
            "job_problems": job_problems,
            "host_address": address_of,
            "host_addresses": addresses_of,
        }
