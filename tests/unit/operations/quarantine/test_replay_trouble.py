"""What may go wrong while flows are recovered from quarantine, and what is left alone."""

from dataclasses import replace

import pytest

from flowlog_core.errors import SendError, StorageError
from flowlog_core.operations.quarantine.replay import Recovered
from tests.support.flow_logs import nsg_record, vnet_record
from tests.unit.operations.quarantine.replaying import OPTIONS, TUPLE, Setup


def test_an_item_is_taken_out_only_after_its_flows_are_acknowledged() -> None:
    setup = Setup()
    item = setup.put(vnet_record(2))
    seen: list[int] = []
    setup.sink.before_send = lambda: seen.append(len(setup.left()))
    setup.sink.busy = lambda send: send == 1

    setup.recover(item)

    assert seen == [1, 1]
    assert setup.left() == []


@pytest.mark.parametrize("busy", [True, False])
def test_an_item_whose_flows_are_not_acknowledged_stays(busy: bool) -> None:  # noqa: FBT001 # a parameter of pytest
    setup = Setup()
    item = setup.put(vnet_record(2))
    setup.sink.busy = lambda _: busy
    setup.sink.lost = lambda _: not busy

    with pytest.raises(SendError):
        setup.recover(item)

    assert setup.left() == [item]
    assert setup.clock.seconds <= 250


def test_a_quarantine_that_refuses_the_rest_keeps_the_complete_item() -> None:
    setup = Setup()
    item = setup.put(nsg_record([TUPLE, "rubbish"]))
    setup.quarantine.full = True

    with pytest.raises(StorageError):
        setup.recover(item)

    assert setup.left() == [item]


def test_without_sending_nothing_is_written_anywhere() -> None:
    setup = Setup(replace(OPTIONS, send=False))
    setup.sink.before_send = lambda: pytest.fail("something was sent")
    complete, mixed = setup.put(vnet_record(2)), setup.put(nsg_record([TUPLE, "rubbish"]), 900)

    assert setup.recover(complete) == Recovered(complete.name, 2, 0, None)
    assert setup.recover(mixed).remains == 1
    assert setup.left() == [complete, mixed]


def test_quarantine_can_be_kept_as_it_is() -> None:
    setup = Setup(replace(OPTIONS, keep=True))
    complete, mixed = setup.put(vnet_record(2)), setup.put(nsg_record([TUPLE, "rubbish"]), 900)

    assert [setup.recover(item).flows for item in (complete, mixed)] == [2, 1]
    assert setup.left() == [complete, mixed]
    assert len(setup.flows()) == 3


def test_bytes_that_somebody_changed_in_quarantine_are_not_sent() -> None:
    setup = Setup()
    item = setup.put(vnet_record(2), crc=1)

    assert "the bytes in it are not those of its length and checksum" in str(setup.recover(item).reason)
    assert setup.left() == [item]
    assert setup.sink.events == []
