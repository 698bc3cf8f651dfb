"""`hoploom route VERB`: what Fabio makes of tags and overrides, for a mesh of this machine or any Consul and Fabio."""

from hoploom.cli.routes import audit, lint, show, weight
from hoploom.cli.verbs import Verbs

NAME = "route"
HELP = "audit, show, weight, lint: what is wrong with routes, what Fabio makes of tags, and shares; ours or anybody's"
_VERBS = Verbs(audit, show, weight, lint)
add_arguments, run = _VERBS.add_arguments, _VERBS.run
