"""What happens in a deploy and what it does about it: the events and the commands of `course`. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hoploom.deploying.gate import Verdict
from hoploom.deploying.sight import Sight


@dataclass(frozen=True)
class Begun:
    """It begins."""


@dataclass(frozen=True)
class Hushed:
    """The routers of a datacenter send the new version nothing; seen after that many seconds."""

    dc: str
    after_s: float = 0.0


@dataclass(frozen=True)
class Submitted:
    """Nomad has taken the new version as that number of the job."""

    number: int


@dataclass(frozen=True)
class Seen:
    """The service was looked at."""

    sight: Sight


@dataclass(frozen=True)
class Shared:
    """The routers of a datacenter send the new version its share; seen after that many seconds."""

    dc: str
    share: float
    after_s: float = 0.0


@dataclass(frozen=True)
class Judged:
    """What the gate says of a datacenter since its last step."""

    dc: str
    verdict: Verdict


@dataclass(frozen=True)
class Promoted:
    """Nomad stops the old instances."""


@dataclass(frozen=True)
class GivenUp:
    """Nomad has given the deployment up."""


@dataclass(frozen=True)
class Cleared:
    """Nothing of ours stands in a datacenter's overrides any more."""

    dc: str


@dataclass(frozen=True)
class Broken:
    """A command was not carried out; `unknown` where it may have been all the same."""

    command: "Command"
    why: str
    unknown: bool = False


@dataclass(frozen=True)
class Blind:
    """For too long nothing was seen of the service or of its requests."""

    why: str


@dataclass(frozen=True)
class Interrupted:
    """A person wants it to end."""


@dataclass(frozen=True)
class Ousted:
    """The lock of this service is somebody else's now."""

    by: str


Event = (
    Begun | Hushed | Submitted | Seen | Shared | Judged | Promoted | GivenUp | Cleared | Broken | Blind | Interrupted
    | Ousted
)  # fmt: skip


@dataclass(frozen=True)
class Stop:
    """Leave whatever command is being carried out."""


@dataclass(frozen=True)
class Hush:
    """Have a datacenter's routers send the new version nothing."""

    dc: str


@dataclass(frozen=True)
class Submit:
    """Submit the new version."""


@dataclass(frozen=True)
class Share:
    """Have a datacenter's routers send the new version this share."""

    dc: str
    share: float


@dataclass(frozen=True)
class Watch:
    """Have a datacenter's requests judged from now on."""

    dc: str


@dataclass(frozen=True)
class Promote:
    """Have the old instances stopped."""


@dataclass(frozen=True)
class GiveUp:
    """Have Nomad give the deployment up, and go back to the version before."""


@dataclass(frozen=True)
class Revert:
    """Make the old version the job's present one, where Nomad did not by itself."""


@dataclass(frozen=True)
class Clear:
    """Take our lines out of a datacenter's overrides."""

    dc: str


@dataclass(frozen=True)
class Note:
    """Keep for the next deploy of this service how far this one is."""

    where: str


@dataclass(frozen=True)
class Forget:
    """Nothing is left to go on with."""


@dataclass(frozen=True)
class Tell:
    """Something that a person wants to know."""

    what: str
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class End:
    """It is over."""

    code: int


Command = Stop | Hush | Submit | Share | Watch | Promote | GiveUp | Revert | Clear | Note | Forget | Tell | End
