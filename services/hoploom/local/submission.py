"""The mesh's jobs as they are submitted: what each job file is told, and what changes among strangers. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hoploom.kit.names import DEFAULT_PREFIX
from hoploom.local.attached import Attached

COLLECTING_MB = 512
"""Memory of each output instance, of which one collects: an output takes some 100 MB, collecting 140 more."""

GROUP = "local"
MARK = "hoploom_mesh"
"""In the Meta of a job: the id of the mesh that submitted it."""


@dataclass(frozen=True)
class Counts:
    """How many instances of each service."""

    input: int = 1
    output: int = 1
    manager: int = 1
    ping: int = 1

    def as_dict(self) -> dict[str, int]:
        """By service name."""
        return {"input": self.input, "output": self.output, "manager": self.manager, "ping": self.ping}


def doors(pages: Mapping[str, str]) -> str:
    """Pages by name as a manager's setting has them."""
    return ",".join(f"{name.capitalize()}={url}" for name, url in pages.items())


def variables(data: Path, data_set: Path, archives: Path, worker_prefix: str) -> dict[str, dict[str, str]]:
    """What each job is told besides what all are told.

    Args:
        data: Folder of databases and spools.
        data_set: Folder of the mesh's data set.
        archives: Folder of the archives for workers elsewhere.
        worker_prefix: Begins the workers' names.
    """
    folder = {"data_dir": str(data)}
    # Who is on this machine reads: its commands and pages need no token for that.
    open_ = {"open_reading": "true"}
    return {
        "input": open_,
        "output": {**folder, **open_, "data_set": str(data_set), "memory": str(COLLECTING_MB)},
        # Its pages are reached by plain HTTP, on this machine alone.
        "manager": {**open_, "archive_dir": str(archives), "development": "true"},
        "ping": {
            **folder,
            "scheduler": "service",
            "group": GROUP,
            "worker_prefix": worker_prefix,
            "allow_private": "true",
            "loopback_will_do": "true",
        },
    }


def deployed(flags: Mapping[str, str], ours: str) -> dict[str, str]:
    """The variables that a deploy has changed, where the version is another than `ours`: an `up` leaves them alone."""
    if flags.get("version", ours) == ours:
        return {}
    return {name: flags[name] for name in ("version", "artifact_url", "artifact_checksum") if name in flags}


def as_hcl(values: Mapping[str, str]) -> str:
    """Values of a job's variables as Nomad reads them; a list is given as it is written in HCL."""
    return "".join(f"{name} = {value if value.startswith('[') else _quoted(value)}\n" for name, value in values.items())


def job_id(attached: Attached, name: str) -> str:
    """Id of the job of a service."""
    return f"{attached.names.prefix}-{name}"


def placed(job: Mapping[str, Any], attached: Attached) -> dict[str, Any]:
    """A parsed job for a mesh among strangers: named with our prefix, marked as ours, on this host.

    Args:
        job: As Nomad has parsed it from its file.
        attached: What the mesh has joined; a mesh of its own leaves the job as it is.
    """
    if not attached.id:
        return dict(job)
    found = {**job, "ID": _renamed(job["ID"], attached), "Name": _renamed(job["Name"], attached)}
    found["Meta"] = {**(job.get("Meta") or {}), MARK: attached.id}
    found["TaskGroups"] = [_group(each, attached) for each in job["TaskGroups"]]
    if attached.nomad:
        here = {"LTarget": "${node.unique.id}", "RTarget": attached.node, "Operand": "="}
        found["Constraints"] = [*(job.get("Constraints") or []), here]
        found["NodePool"] = attached.node_pool
    return found


def _group(group: Mapping[str, Any], attached: Attached) -> dict[str, Any]:
    return {**group, "Tasks": [_task(each, attached) for each in group["Tasks"]]}


def _task(task: Mapping[str, Any], attached: Attached) -> dict[str, Any]:
    # Nomad's datacenter may have another name than Consul's.
    told = {"HOPLOOM_DC": attached.dc}
    services = [{**each, "Name": _renamed(each["Name"], attached)} for each in task.get("Services") or ()]
    return {**task, "Env": {**(task.get("Env") or {}), **told}, "Services": services or None}


def _renamed(name: str, attached: Attached) -> str:
    return f"{attached.names.prefix}{name.removeprefix(DEFAULT_PREFIX)}"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("${", "$${").replace("%{", "%%{")
    return f'"{escaped}"'
