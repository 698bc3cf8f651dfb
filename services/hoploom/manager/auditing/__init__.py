"""One manager of a datacenter audits the routers: do they follow, are their tables whole, what is wrong with routes.

`canary`, `following`, `sizes`, `verdicts`, `standing` and `record` are pure: observations go in, verdicts come out.
`flipping` and `looking` observe, `auditor` leads them, `attaching` tells what the leader has written down.
"""
