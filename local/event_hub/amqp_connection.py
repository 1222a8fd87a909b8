"""The server's side of one AMQP 1.0 connection: SASL, open, sessions, links, credit, transfers, heartbeats.

It knows nothing of Event Hubs: what a link's address means, and what becomes of a message, a `Service` says. It covers
what azure-eventhub 5.15.1 uses. Not covered: TLS, SASL other than ANONYMOUS, resumed links and deliveries,
transactions, draining credit, and peers that leave trailing nulls out of a performative.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from azure.eventhub._pyamqp.endpoints import Source, Target
from azure.eventhub._pyamqp.error import AMQPError
from azure.eventhub._pyamqp.outcomes import Accepted, Rejected
from azure.eventhub._pyamqp.performatives import (
    AttachFrame,
    BeginFrame,
    CloseFrame,
    DetachFrame,
    DispositionFrame,
    EndFrame,
    FlowFrame,
    OpenFrame,
    SASLInit,
    SASLMechanism,
    SASLOutcome,
    TransferFrame,
)

from local.event_hub.amqp_frames import (
    EMPTY_FRAME,
    FRAME_BYTES,
    Frame,
    FrameReader,
    MalformedError,
    Performative,
    write_frame,
    write_transfers,
)

_AMQP_HEADER: Final = b"AMQP\x00\x01\x00\x00"
_SASL_HEADER: Final = b"AMQP\x03\x01\x00\x00"
_WINDOW: Final = 0x7FFF_FFFF  # transfers that a session takes unasked: flow control is left to the links' credit
_LINK_CREDIT: Final = 300  # deliveries a sender may have in flight, as in the service; renewed when half is used
_HANDLE_MAX: Final = 255  # links a session can have, as in the service
_WRITE_BUFFER_BYTES: Final = 1 << 20  # a receiver that reads slower than this waits for no more than this


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a message.

    Attributes:
        outcome: what the peer is told; None: nothing, its connection is cut.
        delay: seconds to hold that back.
        response: an encoded message for the receiver at the same address, as request-response nodes give.

    """

    outcome: Accepted | Rejected | None
    delay: float = 0.0
    response: bytes | None = None


class RefusedError(Exception):
    """A link to an address that the service doesn't have, or with a filter that it can't read."""

    def __init__(self, condition: bytes, description: str) -> None:
        super().__init__(description)
        self.condition = condition
        self.description = description


type Sink = Callable[[memoryview, int | None], Verdict]
"""Takes an encoded message, to be copied where it is kept, and its message format."""


class Feed(Protocol):
    """Where a receiver's messages come from."""

    def take(self) -> bytes | None:
        """Give the next encoded message, or None while there is none."""

    def watch(self, wake: Callable[[], None] | None) -> None:
        """Call `wake` whenever there may be a message again; None ends that."""


class Service(Protocol):
    """What a connection talks for; called from its event loop."""

    max_message_bytes: int
    connections: "set[Connection]"  # each adds itself, and goes when it is closed

    def sink(self, address: str) -> Sink:
        """Say where messages for `address` go. Raises RefusedError."""

    def feed(self, address: str, filters: Mapping[bytes, object]) -> Feed | None:
        """Say where messages from `address` come from; None: only responses do. Raises RefusedError."""


@dataclass(slots=True, eq=False)
class _Incoming:
    """A link on which the peer sends."""

    address: str
    handle: int
    sink: Sink
    delivery_count: int
    first: TransferFrame | None = None  # of a message under way in several frames
    begun: bytearray = field(default_factory=bytearray)


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
        message = None
        if self.delivery_count < self.limit:
            if self.responses:
                message = self.responses.popleft()
            elif self.feed:
                message = self.feed.take()
        self.delivery_count += message is not None
        return message


@dataclass(slots=True, eq=False)
class _Session:
    """One session. `window` counts the frames that the peer still takes.

    `backlog` holds what is left of the message that `sending` has begun.
    """

    channel: int
    next_incoming_id: int
    window: int
    next_outgoing_id: int = 0
    next_delivery: int = 0
    incoming: dict[int | None, _Incoming] = field(default_factory=dict)
    outgoing: dict[int, _Outgoing] = field(default_factory=dict)
    backlog: deque[bytes] = field(default_factory=deque)
    sending: _Outgoing | None = None


class Connection(asyncio.BufferedProtocol):
    """One peer's connection."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._reader = FrameReader()
        self._sessions: dict[int, _Session] = {}
        self._frame_bytes = FRAME_BYTES
        self._paused = False
        self._heartbeat: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport
        self._handlers: dict[type, Callable[[int, Any], None]] = {
            SASLInit: self._on_sasl_init,
            OpenFrame: self._on_open,
            BeginFrame: self._on_begin,
            AttachFrame: self._on_attach,
            FlowFrame: self._on_flow,
            TransferFrame: self._on_transfer,
            DispositionFrame: self._on_disposition,
            DetachFrame: self._on_detach,
            EndFrame: self._on_end,
            CloseFrame: self._on_close,
        }

    def close(self, condition: bytes, description: str) -> None:
        """Tell the peer why, and close."""
        self._send(0, CloseFrame(error=AMQPError(condition, description)))
        self._transport.close()

    # asyncio calls these

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  (for the type checker: a TCP server's are)
        self._transport = transport
        transport.set_write_buffer_limits(high=_WRITE_BUFFER_BYTES)
        self._service.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  (asyncio's signature)
        """Let go of everything that would call this connection."""
        if self._heartbeat:
            self._heartbeat.cancel()
        for channel in list(self._sessions):
            self._forget(channel)
        self._service.connections.discard(self)

    def pause_writing(self) -> None:
        """Stop feeding receivers: the peer reads too slowly."""
        self._paused = True

    def resume_writing(self) -> None:
        """Feed receivers again."""
        self._paused = False
        for session in self._sessions.values():
            self._pump(session)

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002  (asyncio's signature)
        """Say where to read to."""
        return self._reader.room()

    def buffer_updated(self, nbytes: int) -> None:
        """Handle what came; bytes that are no AMQP end the connection."""
        try:
            for item in self._reader.cut(nbytes):
                if self._transport.is_closing():
                    return
                if isinstance(item, Frame):
                    self._on_frame(item)
                else:
                    self._on_protocol_header(item)
        except MalformedError as error:
            self.close(b"amqp:connection:framing-error", str(error))

    # one method for each thing a peer can send

    def _on_protocol_header(self, header: bytes) -> None:
        if header == _SASL_HEADER:
            self._transport.write(_SASL_HEADER + write_frame(0, SASLMechanism([b"ANONYMOUS"]), sasl=True))
            return
        self._transport.write(_AMQP_HEADER)
        if header != _AMQP_HEADER:  # AMQP 1.0 part 2, section 2.2: answer with what is supported, then close
            self._transport.close()

    def _on_frame(self, frame: Frame) -> None:
        if frame.performative is None:
            return
        kind = type(frame.performative)
        if kind not in (SASLInit, OpenFrame, BeginFrame, CloseFrame) and frame.channel not in self._sessions:
            return  # azure-eventhub detaches links of a session that it has ended already
        self._handlers[kind](frame.channel, frame.performative)

    def _on_sasl_init(self, channel: int, _: SASLInit) -> None:
        self._transport.write(write_frame(channel, SASLOutcome(code=0, additional_data=None), sasl=True))

    def _on_open(self, channel: int, peer: OpenFrame) -> None:
        self._frame_bytes = min(FRAME_BYTES, peer.max_frame_size or FRAME_BYTES)
        answer = OpenFrame("local", None, FRAME_BYTES, 65_535, None, None, None, None, None, None)
        self._send(channel, answer)
        if peer.idle_timeout:  # milliseconds after which the peer gives up; half of it is AMQP's advice
            self._beat(peer.idle_timeout / 2000)

    def _beat(self, seconds: float) -> None:
        self._write(EMPTY_FRAME)
        self._heartbeat = asyncio.get_running_loop().call_later(seconds, self._beat, seconds)

    def _on_begin(self, channel: int, peer: BeginFrame) -> None:
        self._sessions[channel] = _Session(channel, peer.next_outgoing_id, peer.incoming_window)
        self._send(channel, BeginFrame(channel, 0, _WINDOW, _WINDOW, _HANDLE_MAX, None, None, None))

    def _on_attach(self, channel: int, attach: AttachFrame) -> None:
        session = self._sessions[channel]
        source, target = Source(*attach.source or ()), Target(*attach.target or ())
        try:
            if attach.role:
                self._attach_receiver(session, attach, source)
            else:
                self._attach_sender(session, attach, target)
        except RefusedError as refusal:
            # AMQP 1.0 part 2, section 2.6.3: a refused link is attached without a terminus, then detached.
            self._answer_attach(session, attach, None, None)
            error = AMQPError(refusal.condition, refusal.description)
            self._send(channel, DetachFrame(handle=attach.handle, closed=True, error=error))

    def _attach_receiver(self, session: _Session, attach: AttachFrame, source: Source) -> None:
        address = (source.address or b"").decode()
        feed = self._service.feed(address, source.filters or {})
        session.outgoing[attach.handle] = _Outgoing(address, attach.handle, feed)
        self._answer_attach(session, attach, source._replace(filters=None), Target(*attach.target or ()))
        if feed:
            feed.watch(lambda: self._pump(session))

    def _attach_sender(self, session: _Session, attach: AttachFrame, target: Target) -> None:
        address = (target.address or b"").decode()
        link = _Incoming(address, attach.handle, self._service.sink(address), attach.initial_delivery_count or 0)
        session.incoming[attach.handle] = link
        self._answer_attach(session, attach, Source(*attach.source or ()), target)
        self._grant(session, link)

    def _answer_attach(
        self, session: _Session, attach: AttachFrame, source: Source | None, target: Target | None
    ) -> None:
        answer = attach._replace(  # with the peer's handle: each direction numbers its own, and the same number will do
            role=not attach.role,
            source=source,
            target=target,
            initial_delivery_count=0 if attach.role else None,
            max_message_size=self._service.max_message_bytes,
            desired_capabilities=None,
            properties=None,
        )
        self._send(session.channel, answer)

    def _grant(self, session: _Session, link: _Incoming) -> None:
        flow = FlowFrame(
            session.next_incoming_id,
            _WINDOW,
            session.next_outgoing_id,
            _WINDOW,
            handle=link.handle,
            delivery_count=link.delivery_count,
            link_credit=_LINK_CREDIT,
            available=None,
            drain=None,
            echo=None,
            properties=None,
        )
        self._send(session.channel, flow)

    def _on_flow(self, channel: int, flow: FlowFrame) -> None:
        session = self._sessions[channel]
        session.window = (flow.next_incoming_id or 0) + flow.incoming_window - session.next_outgoing_id
        link = session.outgoing.get(flow.handle)
        if link and flow.link_credit is not None:
            link.limit = (flow.delivery_count or 0) + flow.link_credit
        self._pump(session)

    def _on_transfer(self, channel: int, transfer: TransferFrame) -> None:
        session = self._sessions[channel]
        session.next_incoming_id += 1
        link = session.incoming.get(transfer.handle)
        if link is None:
            self.close(b"amqp:session:unattached-handle", f"no link has the handle {transfer.handle}")
            return
        first = link.first or transfer  # only the first frame has to say which delivery it is
        message = memoryview(transfer.payload or b"")
        if transfer.more or link.begun:
            link.begun += message
            message = memoryview(link.begun)
        if transfer.more:
            link.first = first
            return
        link.first, link.begun = None, bytearray()
        link.delivery_count += 1
        self._deliver(session, link, first, message)
        if link.delivery_count % (_LINK_CREDIT // 2) == 0:
            self._grant(session, link)

    def _deliver(self, session: _Session, link: _Incoming, first: TransferFrame, message: memoryview) -> None:
        verdict = link.sink(message, first.message_format)
        if verdict.outcome is None:
            self._transport.abort()
            return
        if verdict.response is not None:
            self._respond(session, link.address, verdict.response)
        if verdict.delay > 0:
            asyncio.get_running_loop().call_later(verdict.delay, self._settle, session, first, verdict.outcome)
        else:
            self._settle(session, first, verdict.outcome)

    def _respond(self, session: _Session, address: str, response: bytes) -> None:
        for link in session.outgoing.values():
            if link.address == address:
                link.responses.append(response)
        self._pump(session)

    def _settle(self, session: _Session, first: TransferFrame, outcome: Accepted | Rejected) -> None:
        if not first.settled and self._sessions.get(session.channel) is session:  # it may have ended meanwhile
            delivery = first.delivery_id
            self._send(session.channel, DispositionFrame(True, delivery, delivery, True, outcome, None))  # noqa: FBT003

    def _on_disposition(self, channel: int, _: DispositionFrame) -> None:
        """Nothing is outstanding: what goes out is settled."""

    def _on_detach(self, channel: int, detach: DetachFrame) -> None:
        session = self._sessions[channel]
        outgoing = session.outgoing.pop(detach.handle, None)
        if outgoing and outgoing.feed:
            outgoing.feed.watch(None)
        if outgoing and outgoing is session.sending:
            session.backlog.clear()  # no transfer may follow a detach
        if outgoing or session.incoming.pop(detach.handle, None):  # else it answers a refusal
            self._send(channel, DetachFrame(handle=detach.handle, closed=detach.closed, error=None))

    def _on_end(self, channel: int, _: EndFrame) -> None:
        self._forget(channel)
        self._send(channel, EndFrame(error=None))

    def _on_close(self, channel: int, _: CloseFrame) -> None:
        self._send(channel, CloseFrame(error=None))
        self._transport.close()

    # sending

    def _send(self, channel: int, performative: Performative) -> None:
        self._write(write_frame(channel, performative))

    def _write(self, data: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(data)

    def _pump(self, session: _Session) -> None:
        """Send what links have credit for, the session has window for and the peer reads fast enough for."""
        while session.window > 0 and not self._paused and (session.backlog or self._fill(session)):
            self._write(session.backlog.popleft())
            session.window -= 1
            session.next_outgoing_id += 1

    def _fill(self, session: _Session) -> bool:
        """Put one message's frames in the backlog, if any link has one."""
        for link in session.outgoing.values():
            message = link.take()
            if message is not None:
                delivery = session.next_delivery
                session.next_delivery += 1
                frames = write_transfers(session.channel, link.handle, delivery, message, self._frame_bytes)
                session.backlog.extend(frames)
                session.sending = link
                return True
        return False

    def _forget(self, channel: int) -> None:
        session = self._sessions.pop(channel)
        for link in session.outgoing.values():
            if link.feed:
                link.feed.watch(None)
