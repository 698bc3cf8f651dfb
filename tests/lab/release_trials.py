"""`python3 tests lab release`: the archive of `hoploom build` on a bare host by the role hoploom, step by step.

Empty host, tampered archives, installation from the controller, a second run, an upgrade from the mirror while a
process of the old release runs, a third release, going back.
"""

import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from hoploom.archive.making import Made, Wanted, make
from lab.hosts import Host, Lab, unmet
from lab.hosts.lab import ANSIBLE
from lab.hosts.playbook import Played

VERSIONS = ("0.1.1", "0.1.2.dev1", "0.1.2")
# What the roles before this one find out and make.
STATE = {"preflight_state": {"arch": "amd64", "python": "3.11"}}
USER = "useradd --system --no-create-home hoploom-ping"
# With the one capability that the worker's job has.
AS_WORKER = (
    "setpriv --reuid hoploom-ping --clear-groups --inh-caps +net_raw --ambient-caps +net_raw env -i /opt/hoploom/bin/{}"
)
TRACES = "find /opt/hoploom /var/cache -name '*hoploom*' 2>/dev/null"
# What the owners of services could change, and archives that were left.
FOREIGN = "find /opt/hoploom \\( -perm /o+w ! -type l \\) -o ! -user root; find /var/cache -name '*hoploom*'"
LATE = "import time, hoploom; time.sleep({}); import hoploom.cli.map; print(hoploom.__version__)"


class Trial:
    """One bare host, and the role.

    Attributes:
        lab: The lab with the host `a1`.
        built: Folder with archives as `hoploom build` left them.
        dist: Folder that the playbook takes archives from.
    """

    def __init__(self, lab: Lab, built: Path) -> None:
        """Put a playbook of this role alone beside a copy of the others' files."""
        self.lab, self.built, self.dist = lab, built, lab.folder / "dist"
        self.dist.mkdir()
        shutil.copytree(ANSIBLE, lab.folder / "playbooks")
        self._play = lab.folder / "playbooks" / "release.yml"
        play = {"hosts": "all", "become": True, "gather_facts": False, "roles": ["hoploom"]}
        self._play.write_text(json.dumps([play]), encoding="ascii")

    def play(self, version: str, *words: str, **given: object) -> Played:
        """Run the role for a version; `given` are variables."""
        variables = {"hoploom_version": version, "hoploom_source": str(self.dist), "hoploom_part": "worker", **given}
        return self.lab.playbook(str(self._play), "-e", json.dumps(variables), *words)

    def put(self, made: Made, content: bytes | None = None) -> None:
        """Give the controller an archive with its sum; another content keeps the sum."""
        (self.dist / made.path.name).write_bytes(made.path.read_bytes() if content is None else content)
        shutil.copy(f"{made.path}.sha256", self.dist)

    def said(self, command: str) -> str:
        """What a command on the host wrote."""
        ran = self.lab.ssh("a1", command)
        assert ran.rc == 0, f"{command}: {ran.out}{ran.err}"
        return ran.out.strip()

    def changed(self, played: Played) -> int:
        """How much a run that went well has changed."""
        assert played.rc == 0, played.output
        return played.stats["a1"]["changed"]

    def refused(self, played: Played, reason: str) -> None:
        """A run has to end with this reason."""
        assert played.rc != 0, played.output
        assert reason in " ".join(played.output.split()), played.output


def empty_host(trial: Trial, made: Sequence[Made]) -> None:
    """Check mode says what would be done, and does nothing."""
    trial.refused(trial.play(VERSIONS[0]), "python3 services build --arch x86_64 --python 3.11 --only worker")
    trial.put(made[0])
    assert trial.changed(trial.play(VERSIONS[0], "--check", "--diff")) > 0
    assert trial.said(f"{TRACES}; true") == ""


def tampered(trial: Trial, made: Sequence[Made]) -> None:
    """One bit of another archive, on the controller and on the mirror: nothing comes onto the host."""
    content = bytearray(made[0].path.read_bytes())
    content[len(content) // 2] ^= 1
    trial.put(made[0], bytes(content))
    trial.refused(trial.play(VERSIONS[0]), f"and must have {made[0].sha256}: it was changed")
    (trial.lab.mirror_folder / made[0].path.name).write_bytes(bytes(content))
    sums = {made[0].path.name: made[0].sha256}
    mirrored = {"hoploom_source": trial.lab.mirror, "hoploom_mirror_sha256": sums}
    trial.refused(trial.play(VERSIONS[0], **mirrored), "checksum")
    trial.refused(trial.play(VERSIONS[0], hoploom_source=trial.lab.mirror), "give it in hoploom_mirror_sha256")
    assert trial.said(f"{TRACES}; true") == ""


def installed(trial: Trial, made: Sequence[Made]) -> None:
    """It runs as the user of a service, and a second run changes nothing."""
    trial.put(made[0])
    assert trial.changed(trial.play(VERSIONS[0])) > 0
    assert trial.said(AS_WORKER.format("hoploom --version")) == f"hoploom {VERSIONS[0]}"
    assert "Probes are sent by: linux raw" in trial.said(AS_WORKER.format("hoploom doctor"))
    assert "--spool-dir" in trial.said(AS_WORKER.format("python -m hoploom.ping_service --help"))
    assert trial.said(FOREIGN) == ""
    assert trial.changed(trial.play(VERSIONS[0])) == 0
    assert trial.changed(trial.play(VERSIONS[0], "--check", "--diff")) == 0


def upgraded(trial: Trial, made: Sequence[Made]) -> None:
    """From the mirror, beside the old release, whose processes go on in it and keep it from being removed."""
    trial.said(f"nohup /opt/hoploom/bin/python -c '{LATE.format(20)}' > /root/late 2>&1 < /dev/null & true")
    for each in made[1:]:
        shutil.copy(each.path, trial.lab.mirror_folder)
    sums = {each.path.name: each.sha256 for each in made}
    mirrored = {"hoploom_source": trial.lab.mirror, "hoploom_mirror_sha256": sums}
    for version in VERSIONS[1:]:
        assert trial.changed(trial.play(version, **mirrored)) > 0
        assert trial.said("/opt/hoploom/bin/hoploom --version") == f"hoploom {version}"
    assert trial.said("ls -A /opt/hoploom/releases").split() == sorted(VERSIONS), "one of the first release runs"
    trial.said("for i in $(seq 300); do pgrep -f hoploom.cli.map > /dev/null || break; sleep 0.1; done")
    assert trial.said("cat /root/late") == VERSIONS[0]


def gone_back(trial: Trial, made: Sequence[Made]) -> None:
    """Only when it is meant, and without an archive; what nobody runs or goes back to is removed then."""
    (trial.dist / made[1].path.name).unlink(missing_ok=True)
    shutil.copy(f"{made[1].path}.sha256", trial.dist)
    trial.refused(trial.play(VERSIONS[1]), f"runs hoploom {VERSIONS[2]}, and {VERSIONS[1]} is older")
    assert trial.changed(trial.play(VERSIONS[1], hoploom_older_allowed=True)) == 1
    assert trial.said("ls -A /opt/hoploom/releases").split() == sorted(VERSIONS[1:])


def another_archive(trial: Trial, made: Sequence[Made]) -> None:
    """A release is never replaced by another one of its name."""
    sums = {made[1].path.name: "0" * 64}
    trial.refused(trial.play(VERSIONS[1], hoploom_mirror_sha256=sums), "a release is never replaced")


STEPS: tuple[Callable[[Trial, Sequence[Made]], None], ...] = (
    empty_host, tampered, installed, upgraded, gone_back, another_archive,
)  # fmt: skip


def main(words: Sequence[str]) -> int:
    """Make three archives, boot a host, and take the steps; returns the exit code."""
    lacking = unmet()
    if lacking is not None or words:
        print(f"hoploom: {lacking or 'lab release takes no options'}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="hoploom-archives-") as built:
        made = [make(Wanted(part="worker", version=version), Path(built)) for version in VERSIONS]
        with Lab([Host("a1")], STATE) as lab:
            trial = Trial(lab, Path(built))
            trial.said(USER)
            for step in STEPS:
                step(trial, made)
                print(f"{step.__name__.replace('_', ' '):<16} well", flush=True)
    return 0
