"""Which closed files may go: those that every data set named has, and old ones where that was asked for. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hoploom.output_service.closed import ClosedFile
from hoploom.output_service.confirmations import Confirmed

DAY_US = 86_400_000_000


@dataclass(frozen=True)
class Policy:
    """What the settings say.

    Attributes:
        confirmed_by: Names of data sets; a file that all of them have may go. Empty: none goes for that.
        keep_days: Files that were closed longer ago go, whoever has them; 0: none goes for that.
    """

    confirmed_by: tuple[str, ...] = ()
    keep_days: float = 0.0


@dataclass(frozen=True)
class Prune:
    """A file that goes.

    Attributes:
        file: The file.
        is_confirmed: Whether every data set that counts has it.
    """

    file: ClosedFile
    is_confirmed: bool


def due(
    files: Iterable[ClosedFile], known: Mapping[str, Confirmed], policy: Policy, now_us: int, *, told_upto: int
) -> list[Prune]:
    """The files that go now.

    Args:
        files: All closed files, those that are gone already among them.
        known: What data sets have confirmed, by name.
        policy: What the settings say.
        now_us: Wall clock.
        told_upto: The input service was told of all hops up to this `seq`. A file with others goes by age alone.
    """
    found = []
    for file in files:
        if file.pruned:
            continue
        confirmed = is_confirmed(file, known, policy)
        if (confirmed and policy.confirmed_by and file.last_seq <= told_upto) or _is_old(file, policy, now_us):
            found.append(Prune(file, confirmed))
    return found


def is_confirmed(file: ClosedFile, known: Mapping[str, Confirmed], policy: Policy) -> bool:
    """Whether all data sets that the policy names have a file; where it names none, whether any data set has it."""
    if policy.confirmed_by:
        return all(name in known and known[name].upto >= file.last_seq for name in policy.confirmed_by)
    return any(each.upto >= file.last_seq for each in known.values())


def oldest_unconfirmed_us(files: Iterable[ClosedFile], known: Mapping[str, Confirmed], policy: Policy) -> int | None:
    """When the oldest file that is there and not confirmed was closed; None where there is none."""
    waiting = (file for file in files if not file.pruned and not is_confirmed(file, known, policy))
    return min((file.closed_at_us for file in waiting), default=None)


def _is_old(file: ClosedFile, policy: Policy, now_us: int) -> bool:
    return policy.keep_days > 0 and now_us - file.closed_at_us > policy.keep_days * DAY_US
