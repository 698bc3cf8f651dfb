"""What a mesh of real hosts refuses: to its own services, to strangers, and to whoever provisions it wrongly.

`python3 tests lab security` brings hosts to a mesh and tries everything; the parts are used by shorter tests too.
"""
