"""Probes as bytes: 256 of them built, 256 replies and 256 errors read, beside the slow reader of one by one."""

from __future__ import annotations

import timeit
from collections.abc import Callable

import numpy as np

from hoploom.cli.bench import Figure, at_most
from hoploom.prober.arrivals import parse
from hoploom.prober.flows import destination_checksums, echo_layout, hold
from hoploom.prober.packets import COOKIE_BYTES, build
from hoploom.prober.port import Messages
from unit.prober.message_oracle import expected
from unit.prober.model_router import HOP, ME, REPLY, Router, echo, ip_packet, messages, probe, structure

COUNT = 256
WIDTH = 2_048
"""As wide as the rows of the ports."""
ROUNDS, REPEATS = 7, 200


def measure() -> list[Figure]:
    """The best of seven rounds of each."""
    replies = _messages(ip_packet(HOP[4], ME[4], echo(4, REPLY[4], 56), 1))
    errors = _messages(ip_packet(HOP[4], ME[4], Router().error(probe(4), 11), 1))
    labelled = _messages(ip_packet(HOP[4], ME[4], Router(appended=structure(1, 2)).error(probe(4), 11), 1))
    slow_us = _us(lambda: expected(replies, 4, 0, has_header=True), 1)
    anchor = ("one by one", slow_us)
    return [
        at_most("256 replies read", _us(lambda: _read(replies)), "us", 60, anchor),
        at_most("256 errors read", _us(lambda: _read(errors)), "us", 500, anchor),
        at_most("256 errors with two labels each read", _us(lambda: _read(labelled)), "us", 1_000, anchor),
        at_most("256 echo requests of flows built", _us(_build), "us", 120, anchor),
    ]


def _us(task: Callable[[], object], repeats: int = REPEATS) -> float:
    return min(timeit.repeat(task, number=repeats, repeat=ROUNDS)) / repeats * 1e6


def _messages(packet: bytes) -> Messages:
    return messages([packet] * COUNT, WIDTH)


def _read(given: Messages) -> None:
    parse(given, 4, has_header=True, cookie_at=0)


def _build() -> None:
    layout, numbers = echo_layout(b"https://example.net/probes", 32), np.arange(COUNT, dtype=np.uint16)
    packets = build(4, numbers, numbers, np.zeros((COUNT, COOKIE_BYTES), np.uint8), layout)
    hold(packets, destination_checksums(np.zeros((COUNT, 16), np.uint8)), layout)
