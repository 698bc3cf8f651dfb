"""What the module nomad_jobs is given: the text of each job file, and the variables that it shall have."""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

_VARIABLE = re.compile(r'^variable "(\w+)"', re.MULTILINE)


def files(jobs: Sequence[str], folder: str) -> dict[str, str]:
    """Text of each job's file, by the job."""
    return {job: (Path(folder) / f"{job}.nomad.hcl").read_text(encoding="utf-8") for job in jobs}


def inputs(texts: Mapping[str, str], *variables: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Jobs with their variables.

    Args:
        texts: Text of each file by job.
        variables: First those of all jobs that have such a variable, then dicts by job; what comes later wins.
    """
    common, *by_job = variables
    found = []
    for job, text in texts.items():
        known = _VARIABLE.findall(text)
        given = {name: value for name, value in common.items() if name in known}
        for each in by_job:
            given |= each.get(job, {})
        found.append({"name": job, "text": text, "variables": given})
    return found


def text_of(path: str) -> str:
    """Text of a file on the controller."""
    return Path(path).read_text(encoding="utf-8")


class FilterModule:
    """What Ansible finds here."""

    def filters(self) -> dict[str, Callable[..., object]]:
        """The filters by name."""
        return {"job_files": files, "job_inputs": inputs, "text_of": text_of}
