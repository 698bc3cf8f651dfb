"""How workers reach each other: who can be probed, the matrix of what they measured, and which pairs are bad.

`matrix` is pure; `measured` reads results, `people` finds who is there, `watching` is what one manager does for all.
"""
