"""`hoploom worker VERB`: workers in other networks, seen by operators and on the worker's own machine."""

from hoploom.cli.verbs import Verbs
from hoploom.cli.workers import invite, join, leave, ls, revoke, rm, run_now, set_rate, show, start

NAME = "worker"
HELP = "invite, ls, show, revoke, rm: workers elsewhere; run, set: any; there: join, start, leave"
_VERBS = Verbs(invite, ls, show, revoke, rm, run_now, set_rate, join, start, leave)
add_arguments, run = _VERBS.add_arguments, _VERBS.run
