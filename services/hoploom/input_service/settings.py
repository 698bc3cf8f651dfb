"""Settings of an input instance."""

from dataclasses import dataclass

from hoploom import kit
from hoploom.kit import setting
from hoploom.targets.plan import MAX_TARGETS


@dataclass(frozen=True)
class Settings(kit.Settings):
    """An input instance: keeps campaigns and hands out leases."""

    open_reading: bool = setting(
        True,
        "Whether anybody may read campaigns and their progress without a token.",
        more="False asks for a token of any kind: a person's, the operators', the mesh's, a worker's. Hosts want that.",
    )
    max_targets: int = setting(
        1000 * MAX_TARGETS, "Most targets of one campaign, whatever it asks for.", more="Costs time, not memory."
    )
    max_body_bytes: int = setting(
        8 * 2**20, "Largest body of a request.", unit="bytes", more="A campaign of 200,000 blocks takes 4 MB."
    )
    shard_weight: float = setting(
        1.0, "Share of the shards that this instance owns; 0 owns none, as for a canary.", more="More leases here."
    )
    audit_patience_s: float = setting(
        1800.0,
        "How long an output's store may be away before it is taken for lost and its targets are probed again.",
        unit="seconds",
        more="Campaigns wait longer for a store that does not come back.",
    )
    group_expiry_days: float = setting(
        30.0,
        "After so long without a request of its workers a group is forgotten and would begin anew; 0 keeps all.",
        unit="days",
        more="Groups that are gone stay in Consul for longer.",
    )
    hops_a_worker: int = setting(
        50_000,
        "New hops that one worker may have probed in a day, over all campaigns.",
        more="One worker that lies sends the others further astray.",
    )
    hops_hold_s: float = setting(
        300.0,
        "How long a hop waits for others to become targets together with them.",
        unit="seconds",
        more="Fewer and larger sets of hops; hops are probed later.",
    )
