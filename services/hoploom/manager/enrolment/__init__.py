"""Workers in other people's networks: invited, enrolled by a one-time token, kept by credentials of hours, forgotten.

`records` and `admission` are pure, `book` is the shell over Consul's KV store, `handlers` speak HTTP.
"""
