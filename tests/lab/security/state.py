"""What is on a host, to be compared: whoever stops before anything is changed has changed nothing of it."""

from lab.hosts import Lab

# The time of a change of the inode tells of every write, of owners and of modes; a process id of every restart.
_COMMAND = """
find /etc /opt /usr/local /usr/lib/systemd /usr/lib/sysusers.d /usr/lib/tmpfiles.d -xdev \
    -printf '%p %y %i %m %U %G %s %C@ %l\\n' | sort
systemctl list-unit-files --no-legend --plain | sort
getent passwd
for unit in consul nomad nomad-server fabio prometheus; do
    echo "$unit $(systemctl show "$unit" --property=ActiveState,MainPID | tr '\\n' ' ')"
done
"""


def of_hosts(lab: Lab, names: "tuple[str, ...]") -> dict[str, list[str]]:
    """Files, units, users and processes of these hosts, by host."""
    return {name: lab.ssh(name, _COMMAND).out.splitlines() for name in names}


def differences(before: dict[str, list[str]], after: dict[str, list[str]]) -> list[str]:
    """What is on the hosts now and was not before, or is not any more."""
    return [f"{host}: {line}" for host in before for line in sorted(set(before[host]) ^ set(after[host]))]
