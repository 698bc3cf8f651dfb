"""Keys of an order and of a choice of samples, derived so that any holder of the names derives the same.

They hide nothing: a key makes orders differ between groups and rounds, so that groups never march in step.
"""

import hashlib

KEY_BYTES = 16


def order_key(campaign: str, revision: str, round_number: int, group: str) -> bytes:
    """The key of the order in which one group sees the targets in one round.

    Args:
        campaign: Campaign id.
        revision: Digest of the target set, in hex.
        round_number: Round, from 0.
        group: Consumer group.

    Returns:
        16 bytes.
    """
    return _derive(b"hoploom-order", campaign, revision, str(round_number), group)


def sampling_seed(campaign: str) -> bytes:
    """The seed of a campaign's samples: 16 bytes, the same for every revision, so that a cell keeps its sample."""
    return _derive(b"hoploom-sample", campaign)


def _derive(purpose: bytes, *fields: str) -> bytes:
    """Hash fields with their lengths, so that ("ab", "c") and ("a", "bc") differ."""
    digest = hashlib.blake2b(digest_size=KEY_BYTES, person=purpose)
    for field in fields:
        data = field.encode()
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.digest()
