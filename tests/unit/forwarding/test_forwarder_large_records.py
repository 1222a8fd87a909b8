"""A record whose flows are far more than its bytes: it is bounded, and costs its neighbours nothing."""

from flowlog_core.forwarding.outcome import Outcome
from tests.support.flow_logs import VNET, document, vnet_record
from tests.support.forwarding import Setup

RULE = "r" * 100_000
MIB = 1024 * 1024


def test_of_a_record_that_grows_over_the_limit_the_tuples_beyond_go_to_quarantine_by_ordinal() -> None:
    setup = Setup()
    setup.blobs.put(VNET, document([vnet_record(2), vnet_record(2000, number=1, rule=RULE), vnet_record(3, number=2)]))

    result = setup.forwarder.forward(VNET)

    assert result.outcome is Outcome.COMPLETE
    (item,) = setup.quarantine.items.values()
    assert {each.reason for each in item.tuples} == {"output too large"}
    kept = 2000 - len(item.tuples)
    assert [each.ordinal for each in item.tuples] == list(range(kept, 2000))
    assert 60 * MIB < kept * len(RULE) <= 64 * MIB
    assert len(setup.flows()) == 2 + kept + 3


def test_what_is_good_before_a_large_record_is_committed_before_it_is_formed() -> None:
    setup = Setup()
    data = document([vnet_record(2), vnet_record(100, number=1, rule=RULE)])
    setup.blobs.put(VNET, data)
    committed: list[int] = []

    class Watched:
        """A turn that is had at once, and looks at the checkpoint first."""

        def acquire(self, *, timeout: float) -> bool:
            committed.append(setup.checkpoints.stored(VNET).flows)
            return True

        def release(self) -> None:
            pass

    setup.new_forwarder(large_records=Watched()).forward(VNET)

    assert committed == [2]
    assert len(setup.flows()) == 102
