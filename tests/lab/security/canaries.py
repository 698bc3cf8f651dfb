"""The mesh's secrets, looked for wherever none of them may be."""

from collections.abc import Mapping

import yaml

from lab.hosts.lab import ansible
from lab.site import Site
from playbook_plugins import filters

SERVICES = ("agent", "input", "output", "manager", "ping", "fabio", "prometheus")
FILE = "/root/canaries"

# Each finds lines with a secret, in one of the places; FILE is no argument of grep's that would be found by itself.
PLACES: Mapping[str, str] = {
    "arguments of processes": f"cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n' | grep -Fof {FILE}",
    "environments of processes": f"cat /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n' | grep -Fof {FILE}",
    "arguments of processes while playbooks ran": f"grep -Fof {FILE} /root/arguments",
    "the journal": f"journalctl --output=export | grep -aFof {FILE}",
    "logs of tasks": f"grep -rFlf {FILE} /var/lib/nomad/client/alloc/*/alloc/logs",
    "files that anybody may read": (
        "find / /run /tmp /dev/shm -xdev -type f -perm -o=r -size -20M -print0 2>/dev/null"
        f" | xargs -0 grep -Flf {FILE}"
    ),
}
# Arguments of processes, as long as this runs.
WATCH = (
    "systemd-run --quiet --unit=watch-arguments --property=StandardOutput=append:/root/arguments"
    " sh -c 'while :; do cat /proc/[0-9]*/cmdline 2>/dev/null | tr \"\\0\" \"\\n\"; sleep 0.3; done'"
)


def given(site: Site) -> dict[str, str]:
    """What the Vault file says, whole."""
    vault = site.lab.inventory / "group_vars" / "all" / "vault.yml"
    command = [ansible("ansible-vault"), "view", "--vault-password-file", str(site.password), str(vault)]
    environ = [f"{name}={value}" for name, value in site.lab.ansible_environ.items()]
    shown = site.lab.keeper.run("env", *environ, *command)
    assert shown.rc == 0, shown.err
    found: dict[str, str] = yaml.safe_load(shown.out)["hoploom_secrets"]
    return found


def secrets(site: Site) -> dict[str, str]:
    """Every secret of the mesh by name: those of the Vault file, and the tokens made from its seed."""
    known, token = given(site), filters("mesh_secrets")["mesh_token"]
    found = {name: text for name, text in known.items() if name != "ca_certificate"}
    # The second line of a key is the first that is its own.
    found["ca_key"] = known["ca_key"].splitlines()[1]
    found |= {f"{service} on {host}": token(known["token_seed"], service, host)
              for service in SERVICES for host in site.lab.seats}
    return found | {"vault password": site.password.read_text(encoding="ascii").strip()}


def told(text: str, secrets: Mapping[str, str]) -> list[str]:
    """Names of the secrets that a text has."""
    return [name for name, secret in secrets.items() if secret in text]


def lay(site: Site, host: str, secrets: Mapping[str, str]) -> None:
    """Bring the secrets to a host, readable by root alone, so that no command has to name them."""
    local = site.lab.folder / "canaries"
    local.touch(mode=0o600)
    local.write_text("".join(f"{secret}\n" for secret in secrets.values()), encoding="ascii")
    copied = site.lab.keeper.run("scp", "-pF", str(site.lab.access.config), str(local), f"{host}:{FILE}")
    assert copied.rc == 0, copied.err


def found_on(site: Site, host: str, secrets: Mapping[str, str]) -> dict[str, list[str]]:
    """Where on a host secrets are that may not be there: names of secrets, or files, by the place."""
    found: dict[str, list[str]] = {}
    for place, command in PLACES.items():
        lines = site.lab.ssh(host, command, timeout_s=120).out.splitlines()
        names = {next((name for name, secret in secrets.items() if secret == line), line) for line in lines}
        if names:
            found[place] = sorted(names)
    return found
