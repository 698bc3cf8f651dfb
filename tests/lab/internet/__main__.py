"""The process behind a `tun.Internet`: answers until its standard input ends, then says what it saw.

Arguments: the file of the topology, the file for the probes seen, the seed. Standard output: one line when it is ready.
"""

from __future__ import annotations

import gc
import select
import sys
import time
from pathlib import Path

import numpy as np

from lab.internet.device import Device
from lab.internet.exchange import Exchange
from lab.internet.files import topology
from lab.internet.wheel import Wheel

_SLOT_NS = 50_000
"""No answer is later than this by design; what else makes it late is the time that a batch takes."""


def main(topology_path: str, seen_path: str, seed: str) -> None:
    """Run until standard input ends."""
    exchange = Exchange(topology(Path(topology_path).read_text(encoding="utf-8")), int(seed))
    device = Device()
    # A collection of garbage would stop the answers for as long as it takes to look through the topology.
    gc.freeze()
    gc.disable()
    print("ready", flush=True)
    answer(device, exchange)
    np.save(seen_path, exchange.seen())


def answer(device: Device, exchange: Exchange) -> None:
    """Answer what comes out of the device until standard input ends."""
    wheel = Wheel(_SLOT_NS)
    while True:
        readable, _, _ = select.select([device, sys.stdin], [], [], wheel.wait_s(time.monotonic_ns()))
        if sys.stdin in readable:
            return
        if device in readable:
            packets, lengths, at_ns = device.read()
            if len(lengths):
                wheel.add(*exchange.take(packets, lengths, at_ns))
        device.write(wheel.due(time.monotonic_ns()))


if __name__ == "__main__":
    main(*sys.argv[1:])
