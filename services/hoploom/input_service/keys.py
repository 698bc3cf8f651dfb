"""Where the input service keeps what: its keys in Consul's KV store. Pure."""

from hoploom.input_service.shard_record import ShardRef

PREFIX = "hoploom/"
ASKED = f"{PREFIX}asked/"
CAMPAIGNS = f"{PREFIX}campaigns/"
COOLING = f"{PREFIX}cooling/"
EDITIONS = f"{PREFIX}editions/"
GROUPS = f"{PREFIX}groups/"
ROUNDS = f"{PREFIX}rounds/"
SETS = f"{PREFIX}sets/"
SHARDS = f"{PREFIX}shards/"
SILENCE = f"{PREFIX}silence/"
OF_A_GROUP = (ASKED, COOLING, GROUPS, ROUNDS)
"""Below each: campaign, edition, and the group whose key it is."""

MESH = "_mesh"
"""Stands for the group where the cooldown counts over all; no group is named so."""

CHUNK = "hops-"
"""The ids of campaigns that are chunks of hops begin so."""


def campaign(campaign_id: str) -> str:
    """The newest edition of a campaign."""
    return f"{CAMPAIGNS}{campaign_id}"


def edition(campaign_id: str, number: int) -> str:
    """One edition of a campaign, immutable once written."""
    return f"{EDITIONS}{campaign_id}/{number}"


def target_set(sha256: str) -> str:
    """Prefix of the pieces of a compressed target set."""
    return f"{SETS}{sha256}/"


def shard(ref: ShardRef) -> str:
    """The record of one shard of one group's round."""
    return f"{group_round(ref.campaign, ref.edition, ref.group, ref.round)}{ref.family}-{ref.shard}"


def group_round(campaign_id: str, edition_number: int, group: str, round_number: int) -> str:
    """Prefix of all shards of one group's round."""
    return f"{groups(campaign_id, edition_number)}{group}/{round_number}/"


def cooling(campaign_id: str, edition_number: int, group: str, round_number: int) -> str:
    """Prefix of what rests in all shards of one group's round; round 0 where it rests over rounds."""
    return f"{COOLING}{campaign_id}/{edition_number}/{group}/{round_number}/"


def groups(campaign_id: str, edition_number: int) -> str:
    """Prefix of all shards of all groups of an edition."""
    return f"{GROUPS}{campaign_id}/{edition_number}/"


def round_of(campaign_id: str, edition_number: int, group: str) -> str:
    """Where a group stands."""
    return f"{rounds(campaign_id, edition_number)}{group}"


def rounds(campaign_id: str, edition_number: int) -> str:
    """Prefix of where the groups of an edition stand."""
    return f"{ROUNDS}{campaign_id}/{edition_number}/"


def asked(campaign_id: str, edition_number: int, group: str) -> str:
    """Written now and then while workers of a group ask for work."""
    return f"{ASKED}{campaign_id}/{edition_number}/{group}"


def silence(campaign_id: str, edition_number: int) -> str:
    """For how long the groups of an edition have been silent."""
    return f"{SILENCE}{campaign_id}/{edition_number}"


def lock(slot: int) -> str:
    """The lock of a slot."""
    return f"{SHARDS}{slot:02}/.lock"
