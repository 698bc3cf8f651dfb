"""The worker: takes a lease, probes its targets within what its owner allows, spools and submits the results."""
