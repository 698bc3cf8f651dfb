"""Sums over what is stored, made as it comes: so that a page of the manager never waits for a scan.

`batches` is what is added, `reading` takes it from the store, `sums` keeps all of them in one file with one cursor.
"""
