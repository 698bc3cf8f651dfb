"""`python -m lab.hosts up ...`."""

import sys

from lab.hosts.command import main

sys.exit(main(sys.argv[1:]))
