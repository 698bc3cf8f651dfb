"""An operator's own processor: what deploys a service runs on another machine than the mesh, in the field."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
NICE = 5
"""A third of the weight of what has no priority of its own (sched(7)): behind the mesh, and yet never starved."""


def as_elsewhere(work: Callable[[], T]) -> T:
    """Do some work, and all processes that it starts, with a lower priority; what it raises is raised here.

    A thread has a priority of its own on Linux, which processes inherit (setpriority(2), "C library/kernel
    differences"). What services, engines and hosts start does not: Nomad and sshd start that.
    """
    with ThreadPoolExecutor(1, initializer=lambda: os.setpriority(os.PRIO_PROCESS, 0, NICE)) as pool:
        return pool.submit(work).result()
