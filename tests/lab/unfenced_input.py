"""An input instance that says yes to every acknowledgement, however late: so the checker of shards is shown red."""

from hoploom.input_service import leases
from hoploom.input_service.app import make_app
from hoploom.input_service.settings import Settings
from hoploom.input_service.shard_record import ShardRecord
from hoploom.kit.lifecycle import main
from hoploom.wire.lease import LeaseId


def _says_yes(record: ShardRecord, lease: LeaseId) -> None:
    """Stands where a late acknowledgement is refused."""


if __name__ == "__main__":
    leases._refuse_late = _says_yes
    main(make_app, Settings, "input")
