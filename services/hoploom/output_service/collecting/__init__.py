"""Brings the results of all outputs into one data set: found in Consul, fetched in order, merged, and then confirmed.

Every step may be done again: rows, batches and the cursor move in one transaction of the data set, and what an output
is told is what stands in the set by then. So a kill anywhere loses nothing and doubles nothing.
"""
