"""Every option of `hoploom ping`: fping 5.1's letters and names, and ours. Pure."""

from hoploom.cli.words import Flag, usage

FPING = (
    Flag("4", "ipv4", "", "names and addresses of IPv4 alone"),
    Flag("6", "ipv6", "", "names and addresses of IPv6 alone"),
    Flag("a", "alive", "", "print who answers, and nothing else"),
    Flag("A", "addr", "", "print addresses where names were given"),
    Flag("b", "size", "BYTES", "payload of a request (56)"),
    Flag("B", "backoff", "N", "each retry waits so many times longer, 1.0 to 5.0 (1.5)"),
    Flag("c", "count", "N", "send N requests to each target, and say what became of each"),
    Flag("C", "vcount", "N", "as -c; the sums at the end hold every time"),
    Flag("d", "rdns", "", "print the name that an address resolves to, also where a name was given"),
    Flag("D", "timestamp", "", "with -c, -C and -l: a time stamp before each line"),
    Flag("e", "elapsed", "", "print round-trip times of those that are alive"),
    Flag("f", "file", "FILE", "read targets from a file, the first word of each line; - is stdin"),
    Flag("g", "generate", "", "all addresses of a network, or from a first to a last one"),
    Flag("h", "help", "", "print this"),
    Flag("H", "ttl", "N", "TTL or hop limit of the requests, 1 to 255"),
    Flag("i", "interval", "MS", "least time between two requests (10)"),
    Flag("I", "iface", "IFACE", "send by this interface"),
    Flag("l", "loop", "", "send requests until stopped (Ctrl-C prints the sums, Ctrl-\\ interim ones)"),
    Flag("m", "all", "", "all addresses of a name, not the first alone"),
    Flag("M", "dontfrag", "", "set Don't Fragment"),
    Flag("n", "name", "", "print the name that an address resolves to, where an address was given"),
    Flag("N", "netdata", "", "with -Q: interim sums as netdata reads them"),
    Flag("o", "outage", "", "with -c and -l: lost requests times the period"),
    Flag("O", "tos", "N", "type of service of the requests, decimal or 0x.."),
    Flag("p", "period", "MS", "with -c, -C and -l: time between two requests to one target (1000)"),
    Flag("q", "quiet", "", "sums alone: no line a request, no ICMP errors"),
    Flag("Q", "squiet", "SECONDS", "as -q, and interim sums this often"),
    Flag("r", "retry", "N", "retries for who does not answer (3); our own rate is --rate"),
    Flag("R", "random", "", "random payload"),
    Flag("s", "stats", "", "totals at the end"),
    Flag("S", "src", "ADDRESS", "send from this address"),
    Flag("t", "timeout", "MS", "wait so long for the first answer (500;\nwith -c, -C, -l the period, up to 2000)"),
    Flag("T", "timeouts", "N", "ignored, as fping does"),
    Flag("u", "unreach", "", "print who does not answer, and nothing else"),
    Flag("v", "version", "", "print the version"),
    Flag("x", "reachable", "N", "say whether at least N targets answer (exit code 0 or 1)"),
)
OURS = (
    Flag("", "rate", "PPS", "requests a second over all targets, instead of -i"),
    Flag("", "json", "", "one JSON document at the end, instead of lines"),
    Flag("", "ndjson", "", "a JSON object a line, for each answer and for each target"),
    Flag("", "engine", "NAME", "auto, linux or portable"),
    Flag("", "any", "", "also multicast, link-local and other space that is set aside"),
)
FLAGS = FPING + OURS


def overview() -> str:
    """The help."""
    return "\n".join([
        "usage: hoploom ping [options] [targets...]",
        "",
        "Pings many targets at once, as fping 5.1 does, without a mesh. Without targets they are read from stdin.",
        "",
        *usage(FPING),
        "",
        "Not in fping:",
        *usage(OURS),
        "",
        "Exit codes are fping's: 0 all answered, 1 some did not, 2 some names were not found, 3 wrong usage (other",
        "hoploom commands have 2 for it), 4 a system call failed.",
    ])
