"""A keyed 64-bit hash over numpy arrays: the random function of the order and of the samples.

Not cryptographic: it has to scatter, the same way for ever, at hundreds of millions of numbers a second.
"""

import numpy as np
from numpy.typing import NDArray

U64 = NDArray[np.uint64]

_FIRST_MULTIPLIER = np.uint64(0xFF51AFD7ED558CCD)
_SECOND_MULTIPLIER = np.uint64(0xC4CEB9FE1A85EC53)
_SHIFT = np.uint64(33)


def mix(values: U64) -> U64:
    """Scatter 64-bit numbers: a bijection in which every input bit moves every output bit.

    Args:
        values: Array of any shape; it is overwritten.

    Returns:
        The same array, mixed.

    Source: Appleby, MurmurHash3 `fmix64` (public domain).
    """
    scratch = values >> _SHIFT
    values ^= scratch
    values *= _FIRST_MULTIPLIER
    np.right_shift(values, _SHIFT, out=scratch)
    values ^= scratch
    values *= _SECOND_MULTIPLIER
    np.right_shift(values, _SHIFT, out=scratch)
    values ^= scratch
    return values
