"""The machine of a trace against a large generated internet: few probes, most interfaces, no false link."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from hoploom.prober.traces import TraceSettings
from hoploom.wire.addresses import column
from lab.internet.compiling import compiled
from lab.internet.generator import Generated, generate
from lab.internet.truth import Truth
from lab.trace_world import Drive, Reply

GENERATED = 600
"""Enough that paths share most of their hops; the bench has ten thousand."""


@pytest.mark.parametrize(("loss", "share"), [(0.0, 0.95), (0.02, 0.90)])
def test_an_internet_of_many_networks_is_found_with_few_probes_and_no_false_link(loss: float, share: float) -> None:
    topology = compiled(generate(Generated(seed=11, prefixes=GENERATED), loss))
    random = np.random.default_rng(1)
    targets = column(f"10.{row >> 8}.{row & 255}.{random.integers(1, 255)}" for row in range(GENERATED))

    def ask(rows: NDArray[np.int32], ttls: NDArray[np.uint8]) -> list[list[Reply]]:
        told = topology.respond(targets[rows], ttls, np.zeros(len(rows), np.uint64), random=random)
        return [
            [Reply(int(told.delay_ns[row]), told.address[row].tobytes(), int(told.icmp_type[row]),
                   int(told.icmp_code[row]), int(told.reply_ttl[row]), int(told.quoted_ttl[row]))]
            if told.kind[row] else []
            for row in range(len(rows))
        ]  # fmt: skip

    drive = Drive(targets, TraceSettings(rate_pps=2_000.0), ask)
    found = drive.run()
    truth = Truth(topology)
    wanted = truth.interfaces(targets, np.zeros(GENERATED, np.uint64))
    heard = {each.tobytes() for each in found.hop_address}
    assert len(drive.sent) <= 10 * GENERATED
    assert len(wanted & heard) >= share * len(wanted)
    assert truth.false_links(targets, found.hop_target, found.hop_ttl, found.hop_address) == []
    assert heard <= wanted | {each.tobytes() for each in targets} | {bytes(16)}
