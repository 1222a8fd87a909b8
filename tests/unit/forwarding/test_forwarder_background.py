"""What the forwarder does in the background, and how much waits to be sent."""

from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any

import pytest

from flowlog_core.decode.encoded_record import EncodedRecord
from flowlog_core.flow.formatter import Encoder
from flowlog_core.forwarding.options import ForwardOptions
from tests.support.flow_logs import VNET, document, vnet_record
from tests.support.forwarding import SMALL_EVENTS, Setup, assert_tiles


class Held(Executor):
    """A background in which nothing happens until somebody waits for it, and which notes what is begun and ended."""

    def __init__(self) -> None:
        self.under_way: list[str] = []
        self.most = 0

    def submit[T](self, call: Callable[..., T], /, *arguments: Any, **named: Any) -> Future[T]:
        held = self

        class Waited(Future[T]):
            def result(self, timeout: float | None = None) -> T:
                held.under_way.remove(call.__name__)
                return call(*arguments, **named)

        self.under_way.append(call.__name__)
        self.most = max(self.most, len(self.under_way))
        return Waited()


def test_while_a_chunk_is_encoded_the_next_is_read_and_a_batch_is_sent() -> None:
    background = Held()
    options = ForwardOptions(SMALL_EVENTS, start="all", chunk_bytes=3000, batch_bytes=1)
    setup = Setup(options, background=background)
    data = document([vnet_record(10, number=number) for number in range(8)])
    setup.blobs.put(VNET, data)

    report = setup.forward()

    assert background.most == 2
    assert background.under_way == []
    assert (report.flows, report.complete) == (80, True)
    assert report.bytes_read == len(data)
    assert_tiles(setup.ranges(), len(data) - 2)


def test_an_interruption_while_a_batch_is_waited_for_does_not_release_the_lease_under_it() -> None:
    setup = Setup(ForwardOptions(SMALL_EVENTS, start="all", batch_bytes=20_000))
    setup.blobs.put(VNET, document([vnet_record(10, number=number) for number in range(100)]))
    waits: list[bool] = []

    class Interrupted(Held):
        def submit[T](self, call: Callable[..., T], /, *arguments: Any, **named: Any) -> Future[T]:
            future = super().submit(call, *arguments, **named)
            end = future.result

            def result(timeout: float | None = None) -> T:
                waits.append(setup.checkpoints.acquire(VNET) is None)
                if len(waits) == 1:
                    raise KeyboardInterrupt
                return end(timeout)

            future.result = result  # type: ignore[method-assign]  # as an interrupted wait is
            return future

    background = Interrupted()

    with pytest.raises(KeyboardInterrupt):
        setup.new_forwarder(background=background).forward(VNET)

    assert waits == [True, True]
    assert background.under_way == []
    assert setup.checkpoints.stored(VNET).flows == len(setup.flows()) > 0
    assert setup.checkpoints.acquire(VNET) is not None


def test_a_small_append_is_forwarded_without_a_background() -> None:
    background = Held()
    setup = Setup(background=background)
    setup.blobs.put(VNET, document([vnet_record(200)]))

    assert setup.forward().flows == 200
    assert background.most == 0


def test_what_waits_to_be_sent_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    encode, flows = Encoder.encode, 0

    def counting(self: Encoder, *arguments: Any, **named: Any) -> EncodedRecord:
        nonlocal flows
        encoded = encode(self, *arguments, **named)
        flows += len(encoded.lines)
        return encoded

    monkeypatch.setattr(Encoder, "encode", counting)
    setup = Setup(ForwardOptions(SMALL_EVENTS, start="all", batch_bytes=20_000), background=Held())
    setup.blobs.put(VNET, document([vnet_record(10, number=number) for number in range(100)]))
    waiting: list[int] = []
    setup.sink.before_send = lambda: waiting.append(flows - len(setup.flows()))

    assert setup.forward().flows == 1000
    assert max(waiting) <= 150  # four batches of some 25 flows, an open range, and what the last record added
