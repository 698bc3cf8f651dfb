"""`python -m hoploom.cli COMMAND`: the `hoploom` command of this very Python, as jobs run it."""

import sys

from hoploom.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
