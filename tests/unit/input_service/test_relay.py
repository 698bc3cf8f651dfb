"""What is passed on is answered while whoever asked still listens."""

from hoploom.input_service import relay
from hoploom.ping_service import lease_client


def test_a_worker_waits_longer_than_one_owner_is_waited_for_so_that_the_next_may_answer() -> None:
    assert relay.TIMEOUT_S < lease_client._SAY_TIMEOUT_S
