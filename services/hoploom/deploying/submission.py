"""The job as a deploy submits it: the job file's own, but for who decides when the old instances go. Pure."""

from collections.abc import Mapping
from typing import Any


def prepared(job: Mapping[str, Any], *, beside: bool, auto_revert: bool) -> dict[str, Any]:
    """A parsed job with promotion left to us.

    Args:
        job: As Nomad has parsed it from its file.
        beside: Whether all new instances come up beside the old ones.
        auto_revert: Whether Nomad may go back by itself. It goes to the last version that it calls stable, which need
            not be the one that runs.
    """
    told = {"AutoPromote": False, "AutoRevert": auto_revert}
    groups = [_group(each, {**(job.get("Update") or {})}, told, beside=beside) for each in job.get("TaskGroups") or ()]
    return {**job, "TaskGroups": groups}


def _group(
    group: Mapping[str, Any], of_job: Mapping[str, Any], told: Mapping[str, Any], *, beside: bool
) -> dict[str, Any]:
    # As many as there are: with fewer, one that is to take half of the requests would have to do the work of several.
    canary = {"Canary": int(group.get("Count") or 0)} if beside else {}
    return {**group, "Update": {**of_job, **(group.get("Update") or {}), **told, **canary}}
