"""What of a service is seen at one moment: its instances in Consul, in the routers and in Nomad. Pure."""

from dataclasses import dataclass

from hoploom.deploying.job_records import Deployment


@dataclass(frozen=True)
class Member:
    """One instance.

    Attributes:
        id: In Consul.
        version: As its registration says.
        dc: Consul's datacenter; empty for what is not registered, of which Nomad alone knows.
        node: Consul's node.
        target: "address:port", as the routers know it.
        passing: Whether Consul would have requests sent to it.
        listed: In how many routers of its datacenter it is.
        routers: How many of them there are.
        healthy: What Nomad's deployment thinks of it; None where it has not decided.
        words: Of the first check in Consul that does not pass; empty where all do.
    """

    id: str
    version: str
    dc: str = "dc1"
    node: str = ""
    target: str = ""
    passing: bool = True
    listed: int = 0
    routers: int = 0
    healthy: bool | None = True
    words: str = ""

    @property
    def is_up(self) -> bool:
        """Whether it does all that an instance has to do before another one may go."""
        return self.passing and self.listed == self.routers and bool(self.healthy)


@dataclass(frozen=True)
class Sight:
    """The whole service.

    Attributes:
        members: All instances that are registered.
        number: Nomad's version of the job now.
        runs: Version that this job's instances have, or will have.
        deployment: The deployment of the version that was submitted here, where there is one.
        trouble: The last words of Nomad about a new instance that failed.
    """

    members: tuple[Member, ...] = ()
    number: int = 0
    runs: str = ""
    deployment: Deployment | None = None
    trouble: str = ""

    def of(self, version: str) -> tuple[Member, ...]:
        """The instances of a version."""
        return tuple(each for each in self.members if each.version == version)

    def others(self, version: str) -> tuple[Member, ...]:
        """The instances of all other versions."""
        return tuple(each for each in self.members if each.version != version)


@dataclass(frozen=True)
class Step:
    """A share of the requests that goes to the new version, above 0 and at most 1, and for how many seconds."""

    share: float
    seconds: float


@dataclass(frozen=True)
class Road:
    """What a deploy is to do, as far as its course asks.

    Attributes:
        new: The version that comes.
        old: The versions that run.
        datacenters: In this order they get the new version's requests.
        steps: Of each datacenter; empty where nothing is routed, or where instances are rolled one by one.
        beside: Whether the new instances come up beside the old ones; else Nomad rolls one after another.
        is_routed: Whether there are requests to be judged.
        count: New instances that have to be up.
        ready_s: Longest wait for them, in seconds.
        gone_s: Longest wait for instances that have been told to stop.
    """

    new: str
    old: frozenset[str]
    datacenters: tuple[str, ...]
    steps: tuple[Step, ...]
    beside: bool
    count: int
    is_routed: bool = True
    ready_s: float = 120.0
    gone_s: float = 120.0
