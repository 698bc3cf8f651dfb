"""Renders the engines' configuration from the templates in consul/, fabio/ and nomad/."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2

from hoploom.kit.deploy import deploy_root
from hoploom.local.places import write_private


def render(template: str, values: Mapping[str, Any], target: Path) -> Path:
    """Write one rendered file, readable by its owner alone.

    Args:
        template: Path below the deploy folders, such as "consul/agent.hcl.j2".
        values: What the template names; a name that is missing is an error.
        target: Where to write.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(deploy_root()),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # HCL and properties: values pass through `tojson`
        keep_trailing_newline=True,
    )
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_private(target, environment.get_template(template).render(values))
    return target
