"""Makes the archive by which hoploom reaches hosts: one relocatable folder with all that it needs but Python itself.

`making` puts it together: `requirements` says which packages, `wheels` fetches them, `contents` says what of them is
needed, `own` brings this package, `tarball` writes. `launch` is what runs on the host, before anything else.
"""
