"""What wrk prints is read."""

import pytest

from lab.wrk import Loaded, read

GOOD = """Running 2s test @ http://127.0.0.1:1/
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.62ms    0.98ms  29.64ms   89.24%
    Req/Sec    40.82k     3.25k   46.53k    75.00%
  Latency Distribution
     50%    1.40ms
     75%    1.93ms
     90%    2.60ms
     99%    5.06ms
  81303 requests in 2.00s, 32.26MB read
Requests/sec:  40622.43
Transfer/sec:     16.12MB
"""
BAD = GOOD.replace("Requests/sec", "  Socket errors: connect 1, read 2, write 3, timeout 4\n"
                   "  Non-2xx or 3xx responses: 5\nRequests/sec")  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (GOOD, Loaded(81303, 40622.43, 0, 5.06)),
        (BAD, Loaded(81303, 40622.43, 15, 5.06)),
        (GOOD.replace("99%    5.06ms", "99%  850.00us"), Loaded(81303, 40622.43, 0, 0.85)),
        (GOOD.replace("99%    5.06ms", "99%    1.50s"), Loaded(81303, 40622.43, 0, 1500.0)),
    ],
    ids=["all good", "failures of both kinds", "microseconds", "seconds"],
)
def test_it_says_how_many_how_fast_and_what_failed(text: str, expected: Loaded) -> None:
    assert read(text) == expected


def test_another_text_is_no_run() -> None:
    with pytest.raises(AssertionError):
        read("unable to connect to 127.0.0.1:1 Connection refused")
