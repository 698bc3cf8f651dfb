"""Which addresses are mapped, and in what order: pure arithmetic, no sockets, clocks or randomness.

Data flows one way::

    text and files --files--> blocks --plan--> TargetSet (content-addressed document)
    position --permutation--> index --AddressSet--> address

Everything is decided by documents and keys that are passed in, so that any holder computes the same addresses for ever.
Only `wide`, `mixing`, `segment_table`, `address_set` and `permutation` need numpy; a plan can be made without it.
"""
