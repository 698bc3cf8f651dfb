"""A read-only part of RIPE Atlas' API at `/api/v2`, so that its clients read this mesh as they read Atlas.

A measurement is an edition of a campaign, a probe is a worker. Nothing is made or changed by it.
"""
