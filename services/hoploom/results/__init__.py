"""Files of results: their tables, how they are read, merged, kept as data sets and written in other formats.

Shared by the output service, which makes such files, and by the command line, which works on them.
"""
