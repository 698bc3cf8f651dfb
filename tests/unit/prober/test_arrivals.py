"""Whatever arrives is read as the RFCs say, or left aside."""

from __future__ import annotations

import numpy as np
import pytest

from hoploom.prober.arrivals import parse
from unit.prober.message_oracle import Row, only, rows
from unit.prober.model_router import (
    COOKIE,
    ICMP,
    ME,
    REPLY,
    TARGET,
    TIME_EXCEEDED,
    UDP,
    UNREACHABLE,
    Router,
    datagram,
    echo,
    ip_packet,
    messages,
    probe,
    received,
    structure,
)

LABELS = (0x12345_1_40, 0xFFFFF_3_01)
FAMILIES = pytest.mark.parametrize("family", [4, 6])


@FAMILIES
@pytest.mark.parametrize("options", [b"", b"\x01" * 40], ids=["plain header", "60 byte header"])
def test_a_reply_is_read(family: int, options: bytes) -> None:
    row = only(family, echo(family, REPLY[family]), options)
    sender = bytes(range(16))
    ttl = 57 if family == 4 else 100
    kind = REPLY[family]
    assert row == Row(True, ICMP[family], kind, 0, 0xABCD, 0x1234, sender, COOKIE, -1, ttl, 40, ())


@FAMILIES
@pytest.mark.parametrize("kept", [8, 12, 16, 48])
def test_an_error_is_read_however_much_it_quotes(family: int, kept: int) -> None:
    router = Router(kept=(20 if family == 4 else 40) + kept)
    row = only(family, router.error(probe(family), UNREACHABLE[family], 13))
    assert (row.is_reply, row.icmp_type, row.icmp_code) == (False, UNREACHABLE[family], 13)
    assert (row.ident, row.sequence, row.about) == (0xABCD, 0x1234, TARGET[family])
    assert (row.cookie, row.quoted_ttl, row.payload_bytes) == (COOKIE[: kept - 8], 3, 0)


@FAMILIES
def test_a_quoted_datagram_is_known_by_port_and_length(family: int) -> None:
    row = only(family, Router().error(probe(family, datagram(), UDP), TIME_EXCEEDED[family]))
    assert (row.protocol, row.ident, row.sequence, row.cookie) == (UDP, 0x9999, 48, COOKIE)


@FAMILIES
def test_what_the_error_queue_gives_is_the_quoted_echo_itself(family: int) -> None:
    quote = echo(family)[:88].ljust(128 - (20 if family == 4 else 40), b"\0") + structure(*LABELS)
    kinds = np.array([TIME_EXCEEDED[family]], np.int16)
    given_messages = messages([quote], icmp_type=kinds)
    ((_, row),) = rows(parse(given_messages, family, has_header=False, cookie_at=0))
    assert (row.icmp_type, row.icmp_code, row.ident, row.sequence) == (TIME_EXCEEDED[family], 77, 0xABCD, 0x1234)
    assert (row.cookie, row.labels, row.about) == (COOKIE, LABELS, bytes(range(16))[::-1])
    assert (row.quoted_ttl, row.ttl) == (-1, 100)


def test_a_queued_error_about_a_reply_has_no_row() -> None:
    kinds = np.array([11, 11], np.int16)
    given_messages = messages([echo(4, REPLY[4]), echo(4)], icmp_type=kinds)
    assert parse(given_messages, 4, has_header=False, cookie_at=0).source_row.tolist() == [1]


@pytest.mark.parametrize("sender", [bytes(16), bytes(10) + b"\xff\xff\x08\x08\x08\x08"], ids=["nobody", "IPv4"])
def test_an_error_from_what_is_no_address_of_its_family_has_no_row(sender: bytes) -> None:
    good = Router().error(probe(6), TIME_EXCEEDED[6])
    senders = np.frombuffer(sender + bytes(range(16)), np.uint8).reshape(2, 16)
    given_messages = messages([good, good], sender=senders)
    assert parse(given_messages, 6, has_header=False, cookie_at=0).source_row.tolist() == [1]


def nothing(family: int) -> dict[str, bytes]:
    error = Router().error
    return {
        "an empty packet": b"",
        "our own request": received(family, echo(family)),
        "a redirect": received(family, error(probe(family), 5 if family == 4 else 137)),
        "an error about TCP": received(family, error(probe(family, protocol=6), UNREACHABLE[family])),
        "an error about a reply": received(
            family, error(probe(family, echo(family, REPLY[family])), UNREACHABLE[family])
        ),
        "an error about an error": received(
            family, error(probe(family, error(probe(family), UNREACHABLE[family])), TIME_EXCEEDED[family])
        ),
        "an error about the other family's echo": received(
            family, error(probe(10 - family), UNREACHABLE[family])
        ),
        "seven bytes of the quoted echo": received(
            family, Router(kept=(27 if family == 4 else 47)).error(probe(family), UNREACHABLE[family])
        ),
        "seven bytes of a reply": received(family, echo(family, REPLY[family])[:7]),
        "seven bytes of a quoted datagram": received(
            family, Router(kept=(27 if family == 4 else 47)).error(probe(family, datagram(), UDP), UNREACHABLE[family])
        ),
        "a quote whose header says 16 bytes": received(4, UNREACHABLED[4] + b"\x44" + probe(4)[1:16] + echo(4)),
        "a quote of another version": received(family, UNREACHABLED[family] + b"\x55" + probe(family)[1:]),
        "a quote whose header leads out of it": received(family, UNREACHABLED[family] + b"\x4f" + probe(4)[1:29]),
        "a quote without end of extension headers": received(family, UNREACHABLED[family] + ENDLESS),
    }


UNREACHABLED = {family: bytes([UNREACHABLE[family], 1]) + bytes(6) for family in (4, 6)}
ENDLESS = ip_packet(ME[6], TARGET[6], echo(6), 58, 3, b"\0" * 8 * 5 + bytes([58, 0]) + bytes(6))


@FAMILIES
def test_what_is_about_no_probe_has_no_row(family: int) -> None:
    named = nothing(family)
    for what, packet in named.items():
        assert len(parse(messages([packet]), family, has_header=family == 4, cookie_at=0)) == 0, what
    assert len(parse(messages(list(named.values())), family, has_header=family == 4, cookie_at=0)) == 0


@pytest.mark.parametrize("said", [0, 2, 4])
def test_an_ipv4_packet_whose_header_says_less_than_20_bytes_has_no_row(said: int) -> None:
    whole, reply = received(4, echo(4, REPLY[4])), echo(4, REPLY[4])
    short = bytes([0x40 | said]) + whole[1 : said * 4] + reply + bytes(20)
    assert parse(messages([short, whole]), 4, has_header=True, cookie_at=0).source_row.tolist() == [1]


@pytest.mark.parametrize("kind", [0, 5, 139, 255])
def test_a_queued_message_of_another_type_has_no_row(kind: int) -> None:
    kinds = np.array([kind, 11], np.int16)
    found = parse(messages([echo(4)] * 2, icmp_type=kinds), 4, has_header=False, cookie_at=0)
    assert found.source_row.tolist() == [1]


@FAMILIES
def test_all_sorts_of_messages_keep_their_order_and_what_stands_beside_them(family: int) -> None:
    error = Router(appended=structure(*LABELS)).error(probe(family), TIME_EXCEEDED[family])
    reply, short = echo(family, REPLY[family]), echo(family, REPLY[family])[:12]
    given_messages = messages(
        [received(family, each) for each in (reply, error, b"", reply, echo(family), short, error, reply)]
    )
    found = parse(given_messages, family, has_header=family == 4, cookie_at=0)
    assert found.source_row.tolist() == [0, 1, 3, 5, 6, 7]
    assert found.is_reply.tolist() == [True, False, True, True, False, True]
    assert (found.sender == given_messages.sender[found.source_row]).all()
    assert (found.stamp_ns == given_messages.stamp_ns[found.source_row]).all()
    assert found.mpls_row.tolist() == [1, 1, 4, 4]
    assert found.cookie_bytes.tolist() == [8, 8, 8, 4, 8, 8]


@FAMILIES
@pytest.mark.parametrize("back", [0, 1, 7])
def test_a_cut_reply_has_the_part_of_the_cookie_that_came_back(family: int, back: int) -> None:
    cut = received(family, echo(family, REPLY[family])[: 8 + back])
    whole = received(family, echo(family, REPLY[family]))
    found = parse(messages([cut, whole, cut]), family, has_header=family == 4, cookie_at=0)
    assert found.cookie_bytes.tolist() == [back, 8, back]
    assert found.cookie[0].tobytes() == COOKIE[:back].ljust(8, b"\0")


def test_zeros_at_the_end_of_a_cookie_count_in_replies_alone() -> None:
    reply = echo(4, REPLY[4]).replace(COOKIE, b"\1\0\2\0\0\0\0\0")
    error = Router().error(probe(4, bytes([8]) + reply[1:]), 11)
    rows_given = [received(4, reply), received(4, reply, b"\1" * 4), received(4, error)]
    found = parse(messages(rows_given), 4, has_header=True, cookie_at=0)
    assert found.cookie_bytes.tolist() == [8, 8, 3]


@FAMILIES
@pytest.mark.parametrize("rows_given", [0, 1, 3])
def test_no_messages_and_rows_without_bytes_are_nothing(family: int, rows_given: int) -> None:
    for width in (0, 4, 100):
        found = parse(messages([b""] * rows_given, width), family, has_header=family == 4, cookie_at=0)
        assert len(found) == 0 and found.about.shape == (0, 16) and found.cookie.shape == (0, 8)


@FAMILIES
def test_a_reply_that_was_cut_off_says_its_full_size(family: int) -> None:
    packet = received(family, echo(family, REPLY[family], size=3_000))
    found = parse(messages([packet], 2_048), family, has_header=family == 4, cookie_at=0)
    assert found.payload_bytes.tolist() == [3_000] and found.cookie_bytes.tolist() == [8]
    found = parse(messages([packet], 32), family, has_header=family == 4, cookie_at=0)
    assert found.payload_bytes.tolist() == [3_000] and found.cookie_bytes.tolist() == [4 if family == 4 else 8]


def test_what_was_read_stays_when_the_buffer_is_used_again() -> None:
    for packet in (received(4, echo(4, REPLY[4])), received(4, Router().error(probe(4), 11))):
        given_messages = messages([packet, packet])
        found = parse(given_messages, 4, has_header=True, cookie_at=0)
        before = rows(found)
        for column in vars(given_messages).values():
            column.fill(0)
        assert rows(found) == before
