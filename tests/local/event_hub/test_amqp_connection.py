"""The hub's AMQP, one frame at a time: what azure-eventhub doesn't let one see."""

import socket
from collections.abc import Iterator
from typing import Self

import pytest
from azure.eventhub._pyamqp.endpoints import Source, Target
from azure.eventhub._pyamqp.message import Message
from azure.eventhub._pyamqp.performatives import (
    AttachFrame,
    BeginFrame,
    CloseFrame,
    DetachFrame,
    DispositionFrame,
    FlowFrame,
    OpenFrame,
    TransferFrame,
)

from local.event_hub.amqp_frames import FRAME_BYTES, Frame, FrameReader, Performative, write_frame, write_message
from local.event_hub.server import Counters, EventHub
from tests.support.hubs import OpenHub

DEADLINE = 10.0  # seconds for anything to happen
FENCE = 9  # channel of a session whose beginning shows that everything before it was dealt with


@pytest.fixture
def hub(open_hub: OpenHub) -> EventHub:
    return open_hub(partitions=1)


class Peer:
    """A client that does nothing by itself, in a session on channel 0."""

    def __init__(self, hub: EventHub, *, window: int = 1000, idle_milliseconds: int | None = None) -> None:
        self.socket = socket.create_connection(("127.0.0.1", hub.port), timeout=DEADLINE)
        self._reader = FrameReader()
        self.frames = self._read()
        self.socket.sendall(b"AMQP\x00\x01\x00\x00")
        self.send(OpenFrame("test", None, FRAME_BYTES, 65_535, idle_milliseconds, None, None, None, None, None))
        self.begin(0, window)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def _read(self) -> Iterator[Frame]:
        while count := self.socket.recv_into(self._reader.room()):
            for item in self._reader.cut(count):
                if isinstance(item, Frame):
                    yield item

    def send(self, performative: Performative, channel: int = 0) -> None:
        self.socket.sendall(write_frame(channel, performative))

    def begin(self, channel: int, window: int = 1000) -> None:
        self.send(BeginFrame(None, 0, window, 1000, 255, None, None, None), channel)

    def attach(self, *, source: str = "here", target: str = "here", receive: bool) -> None:
        ends = Source(source, *[None] * 10), Target(target, *[None] * 6)
        self.send(AttachFrame("link", 0, receive, 0, 0, *ends, None, None, None if receive else 0, *[None] * 4))

    def transfer(self, delivery: int, payload: bytes, *, more: bool = False, settled: bool = False) -> None:
        tag = delivery.to_bytes(4)
        self.send(TransferFrame(0, delivery, tag, 0, settled, more, None, None, None, None, None, payload))

    def flow(self, credit: int, *, received: int = 0, window: int = 1000, frames: int = 0) -> None:
        self.send(FlowFrame(frames, window, 0, 1000, 0, received, credit, None, None, None, None))

    def wait_for[T](self, kind: type[T]) -> T:
        """Return the next performative of one kind."""
        return next(frame.performative for frame in self.frames if isinstance(frame.performative, kind))

    def answers[T](self, kind: type[T]) -> list[T]:
        """Return everything of one kind that was due when the hub got here."""
        self.begin(FENCE)
        found: list[T] = []
        for frame in self.frames:
            if frame.channel == FENCE:
                break
            if isinstance(frame.performative, kind):
                found.append(frame.performative)
        return found


def event(body: bytes) -> bytes:
    return write_message(Message(data=[body]))


def store(hub: EventHub, *contents: bytes) -> None:
    with Peer(hub) as peer:
        peer.attach(target="flowlogs", receive=False)
        for delivery, content in enumerate(contents):
            payload = event(content)
            for start in range(0, len(payload), 60_000):
                more = start + 60_000 < len(payload)
                peer.transfer(delivery, payload[start : start + 60_000], more=more)
        assert len(peer.answers(DispositionFrame)) == len(contents)


def receiving(hub: EventHub, **window: int) -> Peer:
    peer = Peer(hub, **window)
    peer.attach(source="flowlogs/ConsumerGroups/$Default/Partitions/0", receive=True)
    return peer


def test_a_receiver_gets_no_more_than_its_credit(hub: EventHub) -> None:
    store(hub, b"1", b"2", b"3", b"4", b"5")
    with receiving(hub) as peer:
        assert peer.answers(TransferFrame) == []
        peer.flow(3)
        assert len(peer.answers(TransferFrame)) == 3
        peer.flow(1, received=3, frames=3)
        assert len(peer.answers(TransferFrame)) == 1


def test_an_event_waits_in_its_middle_for_the_sessions_window(hub: EventHub) -> None:
    store(hub, b"x" * 200_000)  # four frames
    with receiving(hub, window=3) as peer:
        peer.flow(1, window=3)
        assert [transfer.more for transfer in peer.answers(TransferFrame)] == [True, True, True]
        peer.flow(0, received=1, window=3, frames=3)
        assert [transfer.more for transfer in peer.answers(TransferFrame)] == [False]


def test_nothing_follows_a_detach_in_the_middle_of_an_event(hub: EventHub) -> None:
    store(hub, b"x" * 200_000)
    with receiving(hub, window=1) as peer:
        peer.flow(1, window=1)
        assert len(peer.answers(TransferFrame)) == 1
        peer.send(DetachFrame(0, True, None))
        assert len(peer.answers(DetachFrame)) == 1
        peer.flow(1, received=1, frames=1)
        assert peer.answers(TransferFrame) == []


def test_a_receiver_that_reads_slowly_gets_everything_and_holds_nobody_up(hub: EventHub) -> None:
    for _ in range(10):
        store(hub, b"x" * 1_000_000)
    with receiving(hub) as peer:
        peer.flow(11)
        store(hub, b"another client's")
        complete = 0
        for frame in peer.frames:
            complete += isinstance(frame.performative, TransferFrame) and not frame.performative.more
            if complete == 11:
                break

    assert complete == 11


def test_what_a_slow_receiver_leaves_unread_waits_in_the_partition(open_hub: OpenHub) -> None:
    hub = open_hub(partitions=1, retain_bytes=1_000_000)
    with receiving(hub) as peer:
        peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        peer.flow(1000)
        for _ in range(20):
            store(hub, b"x" * 1_000_000)
        complete = [transfer for transfer in peer.answers(TransferFrame) if not transfer.more]

    assert 1 < len(complete) < 20  # what retention let go of meanwhile was not in a buffer of the connection


def test_a_waiting_receiver_is_given_what_comes(hub: EventHub) -> None:
    with receiving(hub) as peer:
        peer.flow(10)
        assert peer.answers(TransferFrame) == []
        store(hub, b"1", b"2")
        assert len(peer.answers(TransferFrame)) == 2


def test_a_sender_is_given_credit_again_and_again(hub: EventHub) -> None:
    with Peer(hub) as peer:
        peer.attach(target="flowlogs", receive=False)
        for delivery in range(300):
            peer.transfer(delivery, event(b""))
        flows = peer.answers(FlowFrame)

    assert [(flow.delivery_count, flow.link_credit) for flow in flows] == [(0, 300), (150, 300), (300, 300)]


def test_a_settled_transfer_is_not_acknowledged(hub: EventHub) -> None:
    with Peer(hub) as peer:
        peer.attach(target="flowlogs", receive=False)
        peer.transfer(0, event(b"one"), settled=True)
        assert peer.answers(DispositionFrame) == []

    assert [stored.body for stored in hub.events()] == [b"one"]


@pytest.mark.parametrize("junk", [b"\x00", b"junk", b"\x00\x53\x75\xa0\xff", b"\x00\x53\x75\x30", b"\x00\x53\x72\xc1"])
def test_a_message_that_cannot_be_read_is_rejected(hub: EventHub, junk: bytes) -> None:
    with Peer(hub) as peer:
        peer.attach(target="flowlogs", receive=False)
        peer.transfer(0, junk)
        (answer,) = peer.answers(DispositionFrame)

    assert answer.state["rejected"][0][0] == b"amqp:decode-error"
    assert hub.counters() == Counters(accepted=0, rejected=1, dropped=0, events=0)


@pytest.mark.parametrize("address", ["flowlogs/Partitions/1", "other", "", "flowlogs/ConsumerGroups/$Default"])
def test_a_sender_to_an_unknown_address_is_refused(hub: EventHub, address: str) -> None:
    with Peer(hub) as peer:
        peer.attach(target=address, receive=False)
        (answer,) = peer.answers(DetachFrame)

    assert answer.closed
    assert answer.error[0] == b"amqp:not-found"


@pytest.mark.parametrize(
    "address",
    [
        "other/ConsumerGroups/$Default/Partitions/0",
        "flowlogs/ConsumerGroups/other/Partitions/0",
        "flowlogs/ConsumerGroups/$Default/Partitions/1",
        "flowlogs",
    ],
)
def test_a_receiver_from_an_unknown_address_is_refused(hub: EventHub, address: str) -> None:
    with Peer(hub) as peer:
        peer.attach(source=address, receive=True)
        (answer,) = peer.answers(DetachFrame)

    assert answer.closed
    assert answer.error[0] == b"amqp:not-found"


def test_a_transfer_without_a_link_ends_the_connection(hub: EventHub) -> None:
    with Peer(hub) as peer:
        peer.transfer(0, event(b""))

        assert peer.wait_for(CloseFrame).error[0] == b"amqp:session:unattached-handle"


def test_a_frame_that_cannot_be_read_ends_the_connection(hub: EventHub) -> None:
    with Peer(hub) as peer:
        peer.socket.sendall(b"\x00\x00\x00\x0c\x02\x00\x00\x00junk")

        assert peer.wait_for(CloseFrame).error[0] == b"amqp:connection:framing-error"


def test_connections_are_closed_in_good_order_on_request_and_at_the_end(hub: EventHub) -> None:
    with Peer(hub) as first:
        first.wait_for(BeginFrame)
        hub.close_connections()
        assert first.wait_for(CloseFrame).error[0] == b"amqp:connection:forced"
        assert list(first.frames) == []
        with Peer(hub) as second:
            second.wait_for(BeginFrame)
            hub.stop()
            assert second.wait_for(CloseFrame).error[0] == b"amqp:connection:forced"
            assert list(second.frames) == []


def test_a_receiver_that_is_gone_is_forgotten(hub: EventHub) -> None:
    with receiving(hub) as peer:
        peer.wait_for(AttachFrame)
    for _ in range(100):  # until the hub has noticed
        store(hub, b"one")
        if not hub._hub.partitions["0"].watchers:
            break

    assert not hub._hub.partitions["0"].watchers


def test_heartbeats_come_as_the_peer_asks(hub: EventHub) -> None:
    with Peer(hub, idle_milliseconds=40) as peer:
        heartbeats = 0
        for frame in peer.frames:
            heartbeats += frame.performative is None
            if heartbeats == 3:
                break

    assert heartbeats == 3


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"AMQP\x02\x01\x00\x00",  # AMQP's own way to ask for TLS
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # TLS
        b"\x00\x00\x00\x0c\x02\x00\x00\x00junk",
        b"\x00\x00\x00\x07\x02\x00\x00\x00",
    ],
)
def test_a_peer_that_speaks_something_else_is_turned_away_alone(hub: EventHub, data: bytes) -> None:
    with Peer(hub) as other, socket.create_connection(("127.0.0.1", hub.port), timeout=DEADLINE) as peer:
        peer.sendall(data)
        while peer.recv(1000):
            pass
        assert len(other.answers(BeginFrame)) == 1


def test_frames_are_cut_the_same_wherever_the_bytes_are() -> None:
    first = write_frame(0, OpenFrame("a", None, 1, 1, None, None, None, None, None, None))
    data = b"AMQP\x00\x01\x00\x00" + first + write_frame(3, CloseFrame(error=None))
    for cut in range(len(data) + 1):
        reader = FrameReader()
        items = []
        for part in (data[:cut], data[cut:]):
            reader.room()[: len(part)] = part
            items += list(reader.cut(len(part)))
        assert items[0] == data[:8]
        assert [item.channel for item in items[1:] if isinstance(item, Frame)] == [0, 3]
        assert [type(item.performative) for item in items[1:] if isinstance(item, Frame)] == [OpenFrame, CloseFrame]
