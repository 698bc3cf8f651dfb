"""`fabio_listeners` of the playbooks: checked and rendered as the role does it, and opened by a real Fabio."""

import json
import os
import socket
import ssl
import subprocess
from collections.abc import Sequence
from pathlib import Path

import grpc
import pytest

import backends
from engine_processes import LOOPBACK, Child, ConsulAgent, ask, free_ports
from lab.hosts.lab import ANSIBLE, ansible
from waiting import until

ROLE = ANSIBLE / "roles" / "fabio"
GREET = "/example.Greeter/Greet"
ADDRESS = "127.0.0.2"
"""Stands for the host's own."""
OF_THE_HOST = {
    "fabio_root": str(ANSIBLE.parent), "preflight_address": ADDRESS, "fabio_token": "none", "fabio_https": "",
    "hoploom_networks": ["127.0.0.0/8"],
}  # fmt: skip


def render(folder: Path, given: dict[str, object], servers: Sequence[str] = ("localhost",)) -> Path:
    """What the role's task "The settings" writes, with its specification of arguments asked before, as a role's is.

    Args:
        folder: Where it goes.
        given: Variables of the inventory.
        servers: Hosts that run a Consul server.
    """
    task = (ROLE / "tasks" / "main.yml").read_text(encoding="utf-8").split("- name: The settings", 1)[1]
    settings = folder / "fabio.properties"
    spec = f"{{{{ (lookup('file', '{ROLE}/meta/argument_specs.yml') | from_yaml).argument_specs.main.options }}}}"
    play = {
        "hosts": "localhost",
        "connection": "local",
        "gather_facts": False,
        "vars_files": [str(ROLE / "defaults" / "main.yml"), str(ROLE / "vars" / "main.yml")],
        "tasks": [
            {"ansible.builtin.validate_argument_spec": {"argument_spec": spec}},
            {"ansible.builtin.copy": {
                "content": task.split('content: "', 1)[1].split('"\n', 1)[0], "dest": str(settings),
            }},
        ],
    }  # fmt: skip
    (folder / "play.yml").write_text(json.dumps([play]), encoding="utf-8")
    groups: dict[str, object] = {"consul_servers": {"hosts": {each: {} for each in servers}}}
    inventory = {"all": {"hosts": {"localhost": {}}, "vars": {"hoploom_dc": "dc1"}, "children": groups}}
    (folder / "hosts.json").write_text(json.dumps(inventory), encoding="utf-8")
    words = [ansible("ansible-playbook"), "-i", str(folder / "hosts.json"), str(folder / "play.yml"),
             "-e", json.dumps({**OF_THE_HOST, **given})]  # fmt: skip
    environ = {**os.environ, "ANSIBLE_HOME": str(folder)}
    ended = subprocess.run(
        words, cwd=ANSIBLE, env=environ, capture_output=True, text=True, check=False, timeout=120
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return settings


def register(consul: ConsulAgent, name: str, port: int, tag: str) -> None:
    check = {"TCP": f"{LOOPBACK}:{port}", "Interval": "1s", "Timeout": "1s", "Status": "passing"}
    body = {"ID": f"{name}-1", "Name": name, "Address": LOOPBACK, "Port": port, "Tags": [tag], "Check": check}
    assert ask("PUT", f"{consul.url}/v1/agent/service/register", body) is not None


@pytest.mark.parametrize("servers", [("localhost",), ("localhost", "second", "third")])
def test_an_only_server_is_asked_for_consistent_answers_and_any_of_several_for_stale_ones(
    servers: tuple[str, ...], tmp_path: Path
) -> None:
    lines = render(tmp_path, {}, servers).read_text(encoding="utf-8").splitlines()
    is_only = len(servers) == 1
    assert f"registry.consul.requireConsistent = {str(is_only).lower()}" in lines
    assert f"registry.consul.allowStale = {str(not is_only).lower()}" in lines


def test_a_host_opens_the_listeners_of_its_inventory(engine_paths: dict[str, Path], tmp_path: Path) -> None:
    # As fabio/README.md says them.
    listeners = [
        {"at": ":9090", "proto": "tcp", "options": {"rt": "30s"}},
        {"at": ":9443", "proto": "https"},
        {"at": ":9091", "proto": "grpc"},
    ]
    settings = render(tmp_path, {"fabio_listeners": listeners})
    consul = ConsulAgent(engine_paths["consul"], tmp_path / "consul")
    # Beside whatever else runs on this machine, each at a port of its own; chosen late, for a play takes its time.
    tcp, secure, calls, admin, told, http = free_ports(6)
    opened = {":9090": tcp, ":9443": secure, ":9091": calls}
    own = {
        ":8500": f":{consul.url.rpartition(':')[2]}", ":9998": f":{admin}", ":9997": f":{told}", ":9999": f":{http}",
        **{f",{usual};": f",{ADDRESS}:{port};" for usual, port in opened.items()},
        "/etc/fabio/tls": str(tmp_path / "tls"),
    }  # fmt: skip
    text = settings.read_text(encoding="utf-8")
    for usual, chosen in own.items():
        assert usual in text
        text = text.replace(usual, chosen)
    settings.write_text(text, encoding="utf-8")
    (tmp_path / "tls").mkdir()
    pem = backends.certificate("shop.example.org")
    (tmp_path / "tls" / "shop.pem").write_text(pem, encoding="ascii")
    fabio = Child([str(engine_paths["fabio"]), "-cfg", str(settings)], tmp_path / "fabio.log")
    consul.start()
    try:
        with backends.lines("one") as one, backends.page("a shop") as shop, backends.greeter(GREET, bytes) as greeter:
            register(consul, "queue", one, f"urlprefix-:{tcp} proto=tcp")
            register(consul, "shop", shop, "urlprefix-shop.example.org/")
            register(consul, "greeter", greeter, "urlprefix-/example.Greeter proto=grpc")
            fabio.start()
            # Itself and the three.
            until("the table", lambda: len(ask("GET", f"http://127.0.0.1:{admin}/api/routes") or ()) == 4, 20)
            with socket.create_connection((ADDRESS, tcp), 10) as spoken:
                spoken.sendall(b"hello\n")
                assert spoken.recv(100) == b"one hello\n"
            context = ssl.create_default_context(cadata=pem)
            with socket.create_connection((ADDRESS, secure), 10) as plain:
                with context.wrap_socket(plain, server_hostname="shop.example.org") as spoken:
                    spoken.sendall(b"GET / HTTP/1.1\r\nHost: shop.example.org\r\n\r\n")
                    assert spoken.recv(1000).endswith(b"a shop")
            with grpc.insecure_channel(f"{ADDRESS}:{calls}") as channel:
                asked = backends.message("anna")
                assert channel.unary_unary(GREET)(asked, timeout=30) == asked
    finally:
        fabio.stop()
        consul.stop()
