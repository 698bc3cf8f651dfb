"""A Consul, a Nomad and a Fabio of somebody else's, with things of theirs in them, on free loopback ports."""

import json
import subprocess
import sys
import urllib.error
import urllib.request
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine_processes import LOOPBACK, Child, ConsulAgent, free_ports
from waiting import until

ANSWERING = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        body = b"theirs " + self.path.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
# What changes by itself: times of looking, and indexes that every write of anybody raises.
_RESTLESS = ("Output", "ModifyIndex", "CreateIndex", "LastContact", "Hash")


class Strangers:
    """Three engines with ACLs on, and things in them; `dump` tells all that is there."""

    def __init__(self, paths: Mapping[str, Path], folder: Path, *, raw_exec: bool = True) -> None:
        """Write their configurations."""
        self._folder, self.token = folder, str(uuid.uuid4())
        acl = {
            "enabled": True, "default_policy": "deny",
            "tokens": {"initial_management": self.token, "agent": self.token},
        }  # fmt: skip
        self.consul = ConsulAgent(paths["consul"], folder / "consul", acl=acl)
        proxy, admin, http, rpc, serf, self.web_port = free_ports(6)
        self.fabio_url, self.admin_url = f"http://{LOOPBACK}:{proxy}", f"http://{LOOPBACK}:{admin}"
        self.nomad_url = f"http://{LOOPBACK}:{http}"
        for name in ("fabio", "nomad", "web"):
            (folder / name).mkdir(parents=True)
        lines = {
            "proxy.addr": f"{LOOPBACK}:{proxy}", "ui.addr": f"{LOOPBACK}:{admin}", "log.level": "WARN",
            "registry.consul.addr": self.consul.url.removeprefix("http://"), "registry.consul.token": self.token,
        }  # fmt: skip
        (folder / "fabio" / "p").write_text("".join(f"{key} = {value}\n" for key, value in lines.items()))
        self._fabio = Child([str(paths["fabio"]), "-cfg", str(folder / "fabio" / "p")], folder / "fabio" / "log")
        config = _nomad(folder / "nomad" / "data", (http, rpc, serf), self.consul.url, raw_exec=raw_exec)
        (folder / "nomad" / "agent.json").write_text(json.dumps(config))
        self._nomad = Child(
            [str(paths["nomad"]), "agent", "-config", str(folder / "nomad" / "agent.json")], folder / "nomad" / "log"
        )
        self._web = Child([sys.executable, "-c", ANSWERING, str(self.web_port)], folder / "web" / "log")

    def start(self) -> None:
        """Start them, put things of theirs in, and wait until all of it stands."""
        self.consul.start_bare()
        self._nomad.start()
        self._web.start()
        until("their Consul", lambda: self.ask_consul("GET", "/v1/health/service/consul?passing"), 30)
        self._fill_consul()
        self._fabio.start()
        until("their Nomad", lambda: self.ask("GET", f"{self.nomad_url}/v1/status/leader"), 30)
        until("its ACLs", lambda: self.ask_nomad("POST", "/v1/acl/bootstrap", {"BootstrapSecret": self.token}), 30)
        until("its client", lambda: self.ask_nomad("GET", "/v1/nodes"), 30)
        self._fill_nomad()
        until("their route", lambda: self.web("/") == "theirs /", 30)
        until("their overrides", lambda: self.web("/extra") == "theirs /extra", 30)
        until("their job", lambda: self.ask_nomad("GET", "/v1/job/theirs/summary")["Summary"]["g"]["Running"], 30)
        # Fabio's own is critical until it is heard of first.
        until("their checks", lambda: self._statuses() == {"passing"}, 30)

    def stop(self) -> None:
        """End them, their job first: its processes outlive their agent."""
        if self.ask_nomad("DELETE", "/v1/job/theirs?purge=true") is not None:
            until("the end of their job", lambda: not self._running("theirs"), 30)
        for child in (self._fabio, self._nomad, self._web):
            child.stop()
        self.consul.stop()
        for mount in _mounts(self._folder):
            subprocess.run(["umount", mount], check=False, capture_output=True)

    @property
    def environ(self) -> dict[str, str]:
        """What their owner has in his environment."""
        return {
            "CONSUL_HTTP_ADDR": self.consul.url, "CONSUL_HTTP_TOKEN": self.token,
            "NOMAD_ADDR": self.nomad_url, "NOMAD_TOKEN": self.token,
        }  # fmt: skip

    def web(self, path: str) -> str:
        """What their service answers through their Fabio; empty for none."""
        try:
            with urllib.request.urlopen(self.fabio_url + path, timeout=5) as answer:
                return str(answer.read().decode())
        except (urllib.error.URLError, OSError):
            return ""

    def ask_consul(self, method: str, path: str, body: object = None) -> Any:
        """Their Consul's answer to its owner."""
        return self.ask(method, self.consul.url + path, body)

    def ask_nomad(self, method: str, path: str, body: object = None) -> Any:
        """Their Nomad's answer to its owner."""
        return self.ask(method, self.nomad_url + path, body)

    def ask(self, method: str, url: str, body: object = None) -> Any:
        """The JSON answer; None where it is refused, or nobody answers."""
        data = None if body is None else body.encode() if isinstance(body, str) else json.dumps(body).encode()
        headers = {"X-Consul-Token": self.token, "X-Nomad-Token": self.token}
        try:
            with urllib.request.urlopen(urllib.request.Request(url, data, headers, method=method), timeout=5) as answer:
                text = answer.read()
        except (urllib.error.URLError, OSError):
            return None
        return json.loads(text) if text.strip() else {}

    def dump(self) -> dict[str, Any]:
        """All that is in the three."""
        routes = self.ask("GET", f"{self.admin_url}/api/routes")
        return {
            "kv": self.ask_consul("GET", "/v1/kv/?recurse"),
            **{path: _still(self.ask_consul("GET", f"/v1/{path}")) for path in (
                "agent/services", "agent/checks", "catalog/services", "acl/tokens", "acl/policies", "query",
                "session/list",
            )},
            **{path: _still(self.ask_nomad("GET", f"/v1/{path}")) for path in (
                "jobs", "namespaces", "acl/policies", "acl/tokens", "node/pools", "vars",
            )},
            "services": [each for space in self.ask_nomad("GET", "/v1/services") for each in space["Services"]],
            "routes": sorted(f"{each['service']} {each['src']} {each['dst']} {each['weight']}" for each in routes),
            "overrides": self.ask("GET", f"{self.admin_url}/api/manual")["value"],
        }  # fmt: skip

    def _fill_consul(self) -> None:
        ask = self.ask_consul
        assert ask("PUT", "/v1/kv/theirs/a", "1") and ask("PUT", "/v1/kv/hoploomx/b", "2")
        override = f"route add theirs /extra http://{LOOPBACK}:{self.web_port}/"
        assert ask("PUT", "/v1/kv/fabio/config/theirs", override)
        check = {"HTTP": f"http://{LOOPBACK}:{self.web_port}/", "Interval": "1s", "Status": "passing"}
        services = {"web": ["urlprefix-/"], "input": [], "output": ["urlprefix-/dump"], "hoploomx-input": []}
        for name, tags in services.items():
            record = {"Name": name, "Address": LOOPBACK, "Port": self.web_port, "Tags": tags, "Check": check}
            assert ask("PUT", "/v1/agent/service/register", record) is not None
        assert ask("PUT", "/v1/acl/policy", {"Name": "theirs", "Rules": 'key_prefix "theirs/" { policy = "read" }'})
        assert ask("PUT", "/v1/acl/policy", {"Name": "hoploomx-input"})
        assert ask("PUT", "/v1/acl/token", {"Description": "theirs", "Policies": [{"Name": "theirs"}]})
        assert ask("POST", "/v1/query", {"Name": "theirs", "Service": {"Service": "web"}})

    def _fill_nomad(self) -> None:
        rules = 'namespace "default" { policy = "read" }'
        assert self.ask_nomad("POST", "/v1/acl/policy/theirs", {"Name": "theirs", "Rules": rules}) is not None
        assert self.ask_nomad("POST", "/v1/namespace/theirs", {"Name": "theirs"}) is not None
        driver = "raw_exec" if self._has_raw_exec() else "exec"
        task = {"Name": "t", "Driver": driver, "Config": {"command": "/bin/sleep", "args": ["3600"]}}
        job = {"ID": "theirs", "Name": "theirs", "Datacenters": ["dc1"], "TaskGroups": [{"Name": "g", "Tasks": [task]}]}
        assert self.ask_nomad("POST", "/v1/jobs", {"Job": job})

    def _statuses(self) -> set[str]:
        return {each["Status"] for each in self.ask_consul("GET", "/v1/agent/checks").values()}

    def _running(self, job: str) -> bool:
        found = self.ask_nomad("GET", f"/v1/job/{job}/allocations?all=true") or []
        return any(each["ClientStatus"] in ("pending", "running") for each in found)

    def _has_raw_exec(self) -> bool:
        return "raw_exec" in self.ask_nomad("GET", "/v1/nodes")[0]["Drivers"]


def _still(found: Any) -> Any:
    """Without what changes by itself."""
    if isinstance(found, list):
        return [_still(each) for each in found]
    if isinstance(found, dict):
        return {name: _still(value) for name, value in found.items() if name not in _RESTLESS}
    return found


def _mounts(folder: Path) -> list[str]:
    """What Nomad has left mounted below a folder, the innermost first."""
    lines = Path("/proc/mounts").read_text(encoding="utf-8").splitlines() if Path("/proc/mounts").exists() else []
    return sorted((line.split()[1] for line in lines if line.split()[1].startswith(f"{folder}/")), reverse=True)


def _nomad(data: Path, ports: tuple[int, int, int], consul: str, *, raw_exec: bool) -> dict[str, Any]:
    http, rpc, serf = ports
    return {
        "name": "theirs", "data_dir": str(data), "bind_addr": LOOPBACK,
        "disable_update_check": True, "log_level": "WARN",
        "advertise": {"http": LOOPBACK, "rpc": LOOPBACK, "serf": LOOPBACK},
        "ports": {"http": http, "rpc": rpc, "serf": serf},
        "server": {"enabled": True, "bootstrap_expect": 1},
        "client": {
            "enabled": True, "servers": [f"{LOOPBACK}:{rpc}"], "network_interface": "lo",
            "options": {"fingerprint.denylist": "env_aws,env_gce,env_azure,env_digitalocean"},
        },
        "plugin": {"raw_exec": {"config": {"enabled": raw_exec}}},
        "acl": {"enabled": True},
        "consul": {
            "address": consul.removeprefix("http://"), "auto_advertise": False,
            "server_auto_join": False, "client_auto_join": False,
        },
    }  # fmt: skip
