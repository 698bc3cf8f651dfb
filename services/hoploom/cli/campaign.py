"""`hoploom campaign VERB`: campaigns, seen and steered by operators."""

from hoploom.cli.campaigns import ls, pause, resume, show, stop
from hoploom.cli.verbs import Verbs

NAME = "campaign"
HELP = "ls, show, pause, resume, stop: campaigns and how far they are"
_VERBS = Verbs(ls, show, pause, resume, stop)
add_arguments, run = _VERBS.add_arguments, _VERBS.run
