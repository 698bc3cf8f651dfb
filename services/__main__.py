"""`python3 services COMMAND`: prepares .venv beside this folder once, then hands over to the `hoploom` command."""

import sys
from pathlib import Path

if sys.version_info < (3, 11):
    sys.stderr.write("hoploom: needs Python 3.11 or newer, and this is %d.%d\n" % sys.version_info[:2])
    sys.exit(2)
HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from hoploom.bootstrap import enter

if __name__ == "__main__":
    enter(HERE / "requirements.lock", ["hoploom", *sys.argv[1:]])
