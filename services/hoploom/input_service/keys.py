"""Where the input service keeps what: its keys in Consul's KV store. Pure."""

PREFIX = "hoploom/"
CAMPAIGNS = f"{PREFIX}campaigns/"
GROUPS = f"{PREFIX}groups/"
SETS = f"{PREFIX}sets/"
NEXT_NUMBER = f"{PREFIX}ids/next"


def campaign(campaign_id: str) -> str:
    """A campaign, immutable once written."""
    return f"{CAMPAIGNS}{campaign_id}"


def target_set(sha256: str) -> str:
    """Prefix of the pieces of a compressed target set."""
    return f"{SETS}{sha256}/"


def group(campaign_id: str, round_number: int, name: str) -> str:
    """One group's round of one campaign."""
    return f"{groups(campaign_id)}{round_number}/{name}"


def groups(campaign_id: str) -> str:
    """Prefix of all groups of a campaign."""
    return f"{GROUPS}{campaign_id}/"


def worker_number(worker: str) -> str:
    """The permanent number of a worker."""
    return f"{PREFIX}ids/worker/{worker}"
