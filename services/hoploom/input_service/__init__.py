"""The input service: creates campaigns and hands out leases over their targets.

Pure: `group_record` (what is known of one group's round), `leases` (how it changes), `draft` (a request becomes a
campaign). Edges: `sets`, `campaigns` and `journal` keep everything in Consul's KV store, changed by
compare-and-set only. So any instance answers any request, several are right at once, and a crash loses nothing.
"""
