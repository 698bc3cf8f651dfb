"""Every option of `hoploom trace`: the letters of scamper's trace that mean something here, ours, and the rest. Pure.

Source: scamper(1) of scamper 20211212, TRACE OPTIONS and its own options.
"""

from hoploom.cli.words import Flag, usage

SCAMPER = (
    Flag("c", "command", "TRACE", "`trace` and its options in one word, as scamper takes them"),
    Flag("f", "first", "TTL", "smallest TTL (1)"),
    Flag("g", "gaplimit", "N", "silent hops in a row after which a target is given up; 0 never does (5)"),
    Flag("G", "gapaction", "1", "what is done then: 1 stops"),
    Flag("i", "ips", "", "targets follow"),
    Flag("l", "loops", "1", "loops after which a target is given up"),
    Flag("m", "maxttl", "TTL", "largest TTL, at most 64 (32)"),
    Flag("O", "option", "WORD", "text, json (as --ndjson), ptr (names of hops), with commas between"),
    Flag("p", "pps", "PPS", "as --rate"),
    Flag("P", "method", "METHOD", "icmp-paris or udp-paris (icmp-paris); icmp and udp are the same:\n"
         "every probe to a target is of one flow"),
    Flag("q", "attempts", "N", "probes for a hop that stays silent, at most 10 (2)"),
    Flag("S", "src", "ADDRESS", "send from this address"),
    Flag("t", "tos", "0", "type of service: 0"),
    Flag("U", "userid", "N", "a number that stands in the JSON"),
    Flag("w", "wait", "SECONDS", "wait so long for an answer (2)"),
    Flag("W", "wait-probe", "10MS", "least time between two turns of a target, in hundredths of a second (5)"),
    Flag("h", "help", "", "print this"),
    Flag("v", "version", "", "print the version"),
)  # fmt: skip
OURS = (
    Flag("r", "rate", "PPS", "packets a second over all targets (100; private space 1,000; loopback as they go)"),
    Flag("I", "iface", "IFACE", "send by this interface"),
    Flag("4", "ipv4", "", "names and addresses of IPv4 alone"),
    Flag("6", "ipv6", "", "names and addresses of IPv6 alone"),
    Flag("", "whole", "", "every path from its first hop on; else one ends where it meets another that is known"),
    Flag("", "flows", "N", "paths that pass an interface before others end there (6); 1 saves a fifth of the probes"),
    Flag("", "split", "TTL", "where probing begins while the distance is unknown (16)"),
    Flag("", "per-prefix", "RULE", "addresses of a block, e.g. 24:1,48:1 or 24:all (all; of public blocks 24:1,48:1)"),
    Flag("", "max-targets", "N", "most targets (1,000,000)"),
    Flag("", "json", "", "one JSON document at the end, instead of lines"),
    Flag("", "ndjson", "", "a JSON object a target, with scamper's keys"),
    Flag("", "engine", "NAME", "auto, linux or portable"),
    Flag("", "any", "", "also multicast, link-local and other space that is set aside"),
)
REFUSED = {
    "d": "destination ports and checksums are part of the flow, which is kept constant",
    "M": "path MTU discovery is not done",
    "N": "targets are probed side by side, not hops",
    "o": "fragments are not sent",
    "Q": "a hop that has answered is not asked again",
    "s": "source ports and identifiers are the prober's own",
    "T": "what the target itself answers always ends a path",
    "z": "stop sets are the prober's own (--whole does without)",
    "Z": "stop sets are the prober's own (--whole does without)",
    "C": "there are no cycles",
    "D": "it runs in the foreground (a mesh is what runs in the background: `hoploom up`)",
    "F": "no firewall is used",
    "L": "there are no lists with numbers",
    "R": "it takes no commands from elsewhere (a mesh does: `hoploom up`)",
    "e": "no process number is written",
    "n": "the system's resolver is used",
}
"""Letters of scamper's that have no meaning here, and why."""
_WITHOUT_VALUE = "MQTD"
FLAGS = (
    *SCAMPER, *OURS,
    *(Flag(each, f"scamper-{each}", "" if each in _WITHOUT_VALUE else "X", why) for each, why in REFUSED.items()),
)  # fmt: skip


def overview() -> str:
    """The help."""
    return "\n".join([
        "usage: hoploom trace [options] targets...",
        "",
        "Traces the way to many targets at once, without a mesh. A target is a name, an address, a block",
        "(10.0.0.0/24), or a file of blocks. Paths end where they meet others that are known.",
        "",
        "As scamper's trace:",
        *usage(SCAMPER),
        "",
        "Not in scamper:",
        *usage(OURS),
        "",
        f"Of scamper's others -{', -'.join(REFUSED)} are refused by name.",
        "Ctrl-C prints what is known so far. Exit codes: 0 done, 1 stopped, nothing could be sent, or a name was not",
        "found, 2 wrong usage.",
    ])
