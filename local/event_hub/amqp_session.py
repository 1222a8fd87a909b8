"""One session of an AMQP 1.0 connection: its links, their credit, and the messages that go both ways.

Not covered: resumed links and deliveries, transactions, and draining credit.
"""

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import Final, Protocol

from azure.eventhub._pyamqp.endpoints import Source, Target
from azure.eventhub._pyamqp.error import AMQPError
from azure.eventhub._pyamqp.outcomes import Accepted, Rejected
from azure.eventhub._pyamqp.performatives import (
    AttachFrame,
    BeginFrame,
    DetachFrame,
    DispositionFrame,
    FlowFrame,
    TransferFrame,
)

from local.event_hub.amqp_frames import Performative, write_transfers
from local.event_hub.amqp_service import Feed, RefusedError, Service, Sink

_WINDOW: Final = 0x7FFF_FFFF  # transfers that a session takes unasked: flow control is left to the links' credit
_LINK_CREDIT: Final = 300  # deliveries a sender may have in flight, as in the service; renewed when half is used
_HANDLE_MAX: Final = 255  # links a session can have, as in the service


class Wire(Protocol):
    """What a session needs of its connection."""

    @property
    def frame_bytes(self) -> int:
        """Size of the largest frame that the peer takes."""

    @property
    def is_writable(self) -> bool:
        """Whether the peer reads fast enough for more."""

    def send(self, channel: int, performative: Performative) -> None:
        """Encode a frame and send it."""

    def write(self, data: bytes) -> None:
        """Send encoded frames."""

    def close(self, condition: bytes, description: str) -> None:
        """Send the peer an error, and close the connection."""

    def abort(self) -> None:
        """Cut the connection at once."""


@dataclass(slots=True, eq=False)
class _Incoming:
    """A link on which the peer sends."""

    address: str
    handle: int
    sink: Sink
    delivery_count: int
    first: TransferFrame | None = None  # of an incomplete message of several frames
    begun: bytearray = field(default_factory=bytearray)

    def take(self, transfer: TransferFrame) -> tuple[TransferFrame, memoryview] | None:
        """Add a frame; return the first frame of its message and the message, once it is complete."""
        first = self.first or transfer  # only the first frame has to say which delivery it is
        message = memoryview(transfer.payload or b"")
        if transfer.more or self.begun:
            self.begun += message
            message = memoryview(self.begun)
        if transfer.more:
            self.first = first
            return None
        self.first, self.begun = None, bytearray()
        self.delivery_count += 1
        return first, message


@dataclass(slots=True, eq=False)
class _Outgoing:
    """A link on which the peer receives. It may have `limit` deliveries in total, of which `delivery_count` are out."""

    address: str
    handle: int
    feed: Feed | None
    responses: deque[bytes] = field(default_factory=deque)
    delivery_count: int = 0
    limit: int = 0

    def take(self) -> bytes | None:
        """Return the next message that there is credit for; None where there is none."""
        message = None
        if self.delivery_count < self.limit:
            if self.responses:
                message = self.responses.popleft()
            elif self.feed:
                message = self.feed.take()
        self.delivery_count += message is not None
        return message


class Session:
    """The server's end of one session."""

    def __init__(self, wire: Wire, service: Service, channel: int, begin: BeginFrame) -> None:
        """Answer the peer's `begin`."""
        self._wire = wire
        self._service = service
        self._channel = channel
        self._has_ended = False
        self._next_incoming_id = begin.next_outgoing_id
        self._next_outgoing_id = 0
        self._window = begin.incoming_window  # frames that the peer still takes
        self._next_delivery = 0
        self._incoming: dict[int | None, _Incoming] = {}
        self._outgoing: dict[int, _Outgoing] = {}
        self._backlog: deque[bytes] = deque()  # what is left of the message that `_sending` has begun
        self._sending: _Outgoing | None = None
        self._send(BeginFrame(channel, 0, _WINDOW, _WINDOW, _HANDLE_MAX, None, None, None))

    def handle(self, performative: Performative) -> None:
        """Handle what the peer sent in this session."""
        match performative:
            case AttachFrame() as attach:
                self._on_attach(attach)
            case DetachFrame() as detach:
                self._on_detach(detach)
            case FlowFrame() as flow:
                self._on_flow(flow)
            case TransferFrame() as transfer:
                self._on_transfer(transfer)
            case _:
                pass  # a disposition: nothing is outstanding, as what goes out is settled

    def pump(self) -> None:
        """Send what links have credit for, the session has window for and the peer reads fast enough for."""
        while self._window > 0 and self._wire.is_writable and (self._backlog or self._fill_backlog()):
            self._wire.write(self._backlog.popleft())
            self._window -= 1
            self._next_outgoing_id += 1

    def end(self) -> None:
        """Let go of everything that would call this session."""
        self._has_ended = True
        for link in self._outgoing.values():
            if link.feed:
                link.feed.watch(None)

    def _send(self, performative: Performative) -> None:
        self._wire.send(self._channel, performative)

    def _fill_backlog(self) -> bool:
        """Put one message's frames in the backlog, if any link has one."""
        for link in self._outgoing.values():
            message = link.take()
            if message is not None:
                delivery = self._next_delivery
                self._next_delivery += 1
                frame_bytes = self._wire.frame_bytes
                self._backlog.extend(write_transfers(self._channel, link.handle, delivery, message, frame_bytes))
                self._sending = link
                return True
        return False

    # links

    def _on_attach(self, attach: AttachFrame) -> None:
        source, target = Source(*attach.source or ()), Target(*attach.target or ())
        try:
            if attach.role:
                self._attach_receiver(attach, source, target)
            else:
                self._attach_sender(attach, source, target)
        except RefusedError as refusal:
            # AMQP 1.0 part 2, section 2.6.3: a refused link is attached without a terminus, then detached.
            self._answer_attach(attach, None, None)
            error = AMQPError(refusal.condition, refusal.description)
            self._send(DetachFrame(handle=attach.handle, closed=True, error=error))

    def _attach_receiver(self, attach: AttachFrame, source: Source, target: Target) -> None:
        address = (source.address or b"").decode()
        feed = self._service.open_feed(address, source.filters or {})
        self._outgoing[attach.handle] = _Outgoing(address, attach.handle, feed)
        self._answer_attach(attach, source._replace(filters=None), target)
        if feed:
            feed.watch(self.pump)

    def _attach_sender(self, attach: AttachFrame, source: Source, target: Target) -> None:
        address = (target.address or b"").decode()
        sink = self._service.open_sink(address)
        link = _Incoming(address, attach.handle, sink, attach.initial_delivery_count or 0)
        self._incoming[attach.handle] = link
        self._answer_attach(attach, source, target)
        self._grant_credit(link)

    def _answer_attach(self, attach: AttachFrame, source: Source | None, target: Target | None) -> None:
        answer = attach._replace(  # with the peer's handle: each direction numbers its own, and the same number will do
            role=not attach.role,
            source=source,
            target=target,
            initial_delivery_count=0 if attach.role else None,
            max_message_size=self._service.max_message_bytes,
            desired_capabilities=None,
            properties=None,
        )
        self._send(answer)

    def _on_detach(self, detach: DetachFrame) -> None:
        outgoing = self._outgoing.pop(detach.handle, None)
        if outgoing and outgoing.feed:
            outgoing.feed.watch(None)
        if outgoing and outgoing is self._sending:
            self._backlog.clear()  # no transfer may follow a detach
        if outgoing or self._incoming.pop(detach.handle, None):  # else it answers a refusal
            self._send(DetachFrame(handle=detach.handle, closed=detach.closed, error=None))

    # credit

    def _grant_credit(self, link: _Incoming) -> None:
        flow = FlowFrame(
            self._next_incoming_id,
            _WINDOW,
            self._next_outgoing_id,
            _WINDOW,
            handle=link.handle,
            delivery_count=link.delivery_count,
            link_credit=_LINK_CREDIT,
            available=None,
            drain=None,
            echo=None,
            properties=None,
        )
        self._send(flow)

    def _on_flow(self, flow: FlowFrame) -> None:
        self._window = (flow.next_incoming_id or 0) + flow.incoming_window - self._next_outgoing_id
        link = self._outgoing.get(flow.handle)
        if link and flow.link_credit is not None:
            link.limit = (flow.delivery_count or 0) + flow.link_credit
        self.pump()

    # messages

    def _on_transfer(self, transfer: TransferFrame) -> None:
        self._next_incoming_id += 1
        link = self._incoming.get(transfer.handle)
        if link is None:
            self._wire.close(b"amqp:session:unattached-handle", f"no link has the handle {transfer.handle}")
            return
        taken = link.take(transfer)
        if taken is None:
            return
        self._deliver(link, *taken)
        if link.delivery_count % (_LINK_CREDIT // 2) == 0:
            self._grant_credit(link)

    def _deliver(self, link: _Incoming, first: TransferFrame, message: memoryview) -> None:
        verdict = link.sink(message, first.message_format)
        if verdict.outcome is None:
            self._wire.abort()
            return
        if verdict.response is not None:
            self._respond(link.address, verdict.response)
        if verdict.delay > 0:
            asyncio.get_running_loop().call_later(verdict.delay, self._settle, first, verdict.outcome)
        else:
            self._settle(first, verdict.outcome)

    def _respond(self, address: str, response: bytes) -> None:
        for link in self._outgoing.values():
            if link.address == address:
                link.responses.append(response)
        self.pump()

    def _settle(self, first: TransferFrame, outcome: Accepted | Rejected) -> None:
        if not first.settled and not self._has_ended:
            delivery = first.delivery_id
            self._send(DispositionFrame(True, delivery, delivery, True, outcome, None))  # noqa: FBT003
