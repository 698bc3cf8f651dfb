"""`hoploom user VERB`: the people who may sign in to the pages, and what they may do."""

from hoploom.cli.users import disable, enable, invite, ls, rm, role, sign_out
from hoploom.cli.verbs import Verbs

NAME = "user"
HELP = "ls, invite, role, disable, enable, sign-out, rm: people who may sign in to the pages"
_VERBS = Verbs(ls, invite, role, disable, enable, sign_out, rm)
add_arguments, run = _VERBS.add_arguments, _VERBS.run
