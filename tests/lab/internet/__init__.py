"""An internet in a process: a declared topology, what it answers to each probe, and the truth to compare maps with."""
