"""The output service: results, and what they are worth to collectors and audits. Pure."""

from typing import Final

from hoploom.wire.api.describing import (
    EVENTS,
    INTEGER,
    JSON,
    OPERATOR,
    READER,
    TEXT_VALUE,
    WORKER,
    Body,
    Call,
)

_SQLITE, _ZSTD = "application/vnd.sqlite3", "application/zstd"
_BATCH: Final = "application/vnd.hoploom.batch+msgpack"
_WHICH: Final = {
    "campaign": "Id of the one campaign", "kind": "`ping` or `trace`", "prefix": "Only targets inside",
    "since": "Probed at this moment or later, microseconds since 1970", "until": "Probed before",
    "worker": "Name of the one worker", "outcome": "`answered`, `lost`, `reached`, ...",
    "limit": "Most results", "cursor": "Where to begin, of an earlier answer",
}  # fmt: skip
_DUMPED: Final = {
    "since": "UUID of the store, a colon, and the batch after which it begins", "upto": "The last batch",
    "compress": "`zstd` or nothing",
}  # fmt: skip
CALLS: Final = (
    Call("POST", "/results", "Store a batch; answered when it is on the disk.", WORKER,
         body=Body(media=(JSON, _BATCH, f"{_BATCH}+zstd"))),
    Call("GET", "/results", "Stored results in the order in which they came, a page at a time.", READER,
         {**_WHICH, "form": "`csv` or `atlas` for lines of text"}),
    Call("GET", "/results/feed", "Results as they come: a page that waits for them, or a stream of events.", READER,
         {**_WHICH, "wait": "Longest time to wait, seconds"}, answers={200: (JSON, EVENTS)}),
    Call("GET", "/api/v1/results", "The newest results, newest first.", READER,
         {"kind": "`ping` or `trace`", "campaign": "Id of the one campaign", "limit": "Most results",
          "before": "Only rows before this one"}),
    Call("GET", "/api/v1/output/atlas/{measurement}", "Results of a measurement as objects of RIPE Atlas.", READER,
         {"start": "Probed at this moment or later, seconds since 1970", "stop": "Probed until then",
          "probe_ids": "Numbers of workers, with commas", "cursor": "Where to begin, of an earlier answer"}),
    Call("GET", "/api/v1/output/atlas/{measurement}/latest", "The newest result of each worker.", READER,
         {"probe_ids": "Numbers of workers, with commas"}),
    Call("GET", "/dump", "The batches of this store as one SQLite file.", READER, _DUMPED,
         answers={200: (_SQLITE, _ZSTD)}),
    Call("HEAD", "/dump", "What a dump would have, without making it.", READER, _DUMPED, answers={200: ()}),
    Call("GET", "/dumps", "All closed files, oldest first, and how far this store is.", READER,
         {"at": "Number of the batch whose id is wanted"}),
    Call("GET", "/dumps/{name}", "A closed file as it is, or a range of it.", READER,
         answers={200: (_SQLITE,), 206: (_SQLITE,), 304: (), 416: ()}),
    Call("GET", "/api/v1/output/campaigns/{number}/batches", "The batches of a campaign with their counts.", READER,
         {"after": "Number of the batch after which they begin", "limit": "Most batches"}),
    Call("GET", "/api/v1/output/campaigns/{number}/coverage", "Which positions of a round have a result here.", READER,
         {"revision": "Digest of the target set", "round": "Number of the round", "group": "Name of the group",
          "family": "4 or 6"}),
    Call("GET", "/api/v1/output/hops", "Different hops by campaign that were stored lately.", READER,
         {"slot": "One of 64, or several", "since_s": "Seconds back"}),
    Call("GET", "/api/v1/output/rollups/cells", "What each worker found of each network, by period.", READER,
         {"campaign": "Number of the campaign", "since": "Periods that begin then or later, microseconds since 1970",
          "until": "Periods that begin before", "worker": "Name of the one worker",
          "network": "Name of the one network", "length": "300 or 3600, seconds",
          "after": "`next` of an earlier answer", "limit": "Most cells"}, answers={200: (JSON,), 304: ()}),
    Call("GET", "/api/v1/output/rollups/places", "Where targets are, by the GeoIP file.", READER,
         {"campaign": "Number of the campaign"}, answers={200: (JSON,), 304: ()}),
    Call("GET", "/api/v1/output/rollups/links", "Links and hops of traceroutes, in rows of fixed width.", READER,
         {"campaign": "Number of the one campaign"}, answers={200: ("application/vnd.hoploom.links",), 304: ()}),
    Call("GET", "/api/v1/output/traces/{address}", "The newest traceroutes to an address, newest first.", READER,
         {"limit": "Most of them, 20 at most"}),
    Call("GET", "/api/v1/output/collector", "How the collector of a data set stands.", READER),
    Call("POST", "/api/v1/output/confirmed", "A data set has every batch of this store up to some number.", OPERATOR,
         body=Body({"v": INTEGER, "data_set": TEXT_VALUE, "store": TEXT_VALUE, "upto": INTEGER}, ("v",))),
)  # fmt: skip
