"""Names that the leaders of the lab and their checker share."""

EFFECTS = "lab/effects"
"""Above the keys that leaders write to Consul, one an effect."""


def lock_of(role: str) -> str:
    """Key of a role's lock in Consul."""
    return f"hoploom/roles/{role}/.lock"
