"""`hoploom doctor`: what this host allows a prober to do, and the one line that would allow more.

`reading` looks at the host and changes nothing, `judging` says what it means, and nothing leaves the host.
"""
