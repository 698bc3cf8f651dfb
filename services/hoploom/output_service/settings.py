"""Settings of an output instance."""

from dataclasses import dataclass
from pathlib import Path

from hoploom import kit
from hoploom.kit import setting

_DB_DIR = Path("output-data")


@dataclass(frozen=True)
class Settings(kit.Settings):
    """An output instance: stores what was probed."""

    open_reading: bool = setting(
        True,
        "Whether anybody may read results without a token.",
        more="False asks for a token of any kind: a person's, the operators', the mesh's, a worker's. Hosts want that.",
    )
    db_dir: Path = setting(_DB_DIR, "Folder of this instance's own database; no other process may use it.")
    wait_lock_s: float = setting(
        0.0,
        "How long to wait for a predecessor that still drains in the same folder.",
        unit="seconds",
        more="0 refuses at once.",
    )
    max_body_bytes: int = setting(
        16 * 2**20,
        "Largest body of POST /results.",
        unit="bytes",
        more="The largest batch of traceroutes takes 24 MB unpacked, and 6 MB as workers send it.",
    )
    max_waiting: int = setting(
        64, "Batches that may wait to be written; more get a 503.", more="More rides out longer stalls, in memory."
    )
    max_waiting_bytes: int = setting(
        96 * 2**20,
        "Memory for batches that come in or wait to be written; more get a 503.",
        unit="bytes",
        more="A batch takes 73 bytes a ping and some 500 a traceroute; one that comes alone is always taken.",
    )
    rotate_bytes: int = setting(
        2**30,
        "Size at which the file that is written to is closed and the next one is begun.",
        unit="bytes",
        more="Only closed files are ever pruned; the batches of all of them are copied into each next file.",
    )
    rotate_age_s: float = setting(
        86_400.0, "Age at which it is, unless it is empty.", unit="seconds", more="Less makes more files."
    )
    prune_confirmed_by: str = setting(
        "",
        "Names of data sets, with commas between: closed files that all of them have confirmed are removed.",
        more="Empty removes none.",
    )
    keep_days: float = setting(
        0.0,
        "Closed files whose last batch is older are removed, whether or not a data set has them.",
        unit="days",
        more="0 keeps them.",
    )
    dump_s: float = setting(
        300.0, "Longest time that a dump may take to be made.", unit="seconds", more="A dump holds back checkpoints."
    )
    data_set: str = setting(
        "",
        "Folder of a data set, into which the results of all outputs are merged; empty: this instance never does that.",
        more="One of all instances with the data set's folder collects; the others wait for their turn.",
    )
    data_set_name: str = setting("main", "Name of that data set, by which outputs know what it has.")
    new_data_set: str = setting(
        "",
        "UUID of the data set of that name that is given up for the one in the folder.",
        more="Outputs are asked again for all that they still have.",
    )
    collect_s: float = setting(
        30.0,
        "Longest time that results wait to be collected; those of a store that rests are collected at once.",
        unit="seconds",
        more="Less costs an output that is being filled a copy of its newest results more often.",
    )
    collect_max_bytes: int = setting(
        8 * 2**30, "Largest file that is fetched from an output.", unit="bytes", more="It needs that twice here."
    )
    geoip_file: str = setting(
        "",
        "File in MaxMind's format, by which targets are counted by country and square of a degree.",
        more="Where it is replaced, by renaming; empty counts no places.",
    )
