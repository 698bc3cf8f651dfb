"""Real hosts in a lab of their own: Debian with systemd and sshd, two datacenters, a router, an edge behind NAT.

In a test::

    from lab.hosts import Host, Lab

    with Lab([Host("a1", dc="dc1", groups=("consul_servers",)), Host("b1", dc="dc2")]) as lab:
        lab.ssh("a1", "systemctl is-system-running")
        lab.playbook("site.yml", "-e", "consul_manage=false")
        lab.call("GET", "http://10.71.1.11:9999/")
        lab.cut("dc1", "dc2")
        lab.power_off("a1")
        lab.boot("a1")

From a shell, as root, until Ctrl-C::

    python3 tests lab hosts up a1:dc1:consul_servers,nomad_servers b1:dc2 c1:edge d1:dc1:workers:6

It prints how to `ssh` into each host and how to run `ansible-playbook` on the lab's inventory. A host is written as
NAME:DATACENTER[:GROUP,GROUP][:46], where the last part says which address families it has.

Nothing of a lab is visible outside of it: a keeper process holds a mount, a PID and a network namespace, and every
host, bridge, mount and process is inside. The keeper ends with its standard input, so whatever ends the run ends the
lab; only its folder and its cgroups remain then, and the next lab removes those by the process id in their names.

Hosts have no internet. `lab.mirror` serves the engines as their vendors name them, with SHA256SUMS, and what is put
into `lab.mirror_folder`; after `lab.offer_packages("rsyslog")` their apt installs that from it. They share this
machine's kernel, clock, memory and processors, and rule only their own network: other settings of the kernel are not
theirs to set.

Addresses: dc1 is 10.71.1.0/24 and fd71:1::/64, dc2 is 10.71.2.0/24 and fd71:2::/64, the edge is 192.168.71.0/24 behind
masquerade; hosts from .11 on, the controller (where Ansible and the mirror run) .1, the router .254. Every host knows
every other, and `mirror.lab`, by name.
"""

from lab.hosts.addresses import Host
from lab.hosts.completed import Completed
from lab.hosts.lab import Lab
from lab.hosts.needs import unmet
from lab.hosts.playbook import Played

__all__ = ["Completed", "Host", "Lab", "Played", "unmet"]
