"""`python3 tests [--quick] [--no-install] [pytest arguments]`, or `lab NAME`: prepares what is needed, then runs it."""

import os
import sys
from pathlib import Path

if sys.version_info < (3, 11):
    sys.stderr.write("hoploom: needs Python 3.11 or newer, and this is %d.%d\n" % sys.version_info[:2])
    sys.exit(2)
HERE = Path(__file__).resolve().parent
SERVICES = HERE.parent / "services"
sys.path.insert(0, str(SERVICES))
from hoploom.bootstrap import enter

if __name__ == "__main__":
    os.chdir(HERE.parent)
    command = ["python", str(HERE / "runner" / "run.py"), *sys.argv[1:]]
    enter(HERE / "requirements.lock", command, includes=(SERVICES / "requirements.lock",))
