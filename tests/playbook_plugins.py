"""Loads the modules and filters of `ansible/` for tests: they are no package, Ansible knows them by folder."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import ansible.module_utils

ANSIBLE = Path(__file__).resolve().parents[1] / "ansible"


def load(path: str) -> ModuleType:
    """The Python file at this path below `ansible/`, as a module."""
    file = ANSIBLE / path
    # Where Ansible packs ours beside its own.
    if (ours := str(ANSIBLE / "module_utils")) not in ansible.module_utils.__path__:
        ansible.module_utils.__path__.append(ours)
    spec = importlib.util.spec_from_file_location(f"playbook_{file.stem}", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def filters(stem: str) -> dict[str, Any]:
    """The filters of a file in `filter_plugins/`, by name."""
    found: dict[str, Any] = load(f"filter_plugins/{stem}.py").FilterModule().filters()
    return found
