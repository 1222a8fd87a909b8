"""The server's side of one AMQP 1.0 connection: SASL, open, heartbeats, and its sessions.

With `amqp_session` it covers what azure-eventhub 5.15.1 uses. Not covered: TLS, SASL other than ANONYMOUS, and peers
that leave trailing nulls out of a performative.
"""

import asyncio
from typing import Final

from azure.eventhub._pyamqp.error import AMQPError
from azure.eventhub._pyamqp.performatives import (
    BeginFrame,
    CloseFrame,
    EndFrame,
    OpenFrame,
    SASLInit,
    SASLMechanism,
    SASLOutcome,
)

from local.event_hub.amqp_frames import (
    EMPTY_FRAME,
    FRAME_BYTES,
    Frame,
    FrameReader,
    MalformedError,
    Performative,
    write_frame,
)
from local.event_hub.amqp_service import Service
from local.event_hub.amqp_session import Session

_AMQP_HEADER: Final = b"AMQP\x00\x01\x00\x00"
_SASL_HEADER: Final = b"AMQP\x03\x01\x00\x00"
_CHANNEL_MAX: Final = 65_535
_WRITE_BUFFER_BYTES: Final = 1 << 20  # a receiver that reads slower than this waits for no more than this


class Connection(asyncio.BufferedProtocol):
    """One peer's connection; a `Wire` for its sessions.

    Attributes:
        frame_bytes: Size of the largest frame that the peer takes.
        is_writable: Whether the peer reads fast enough for more.

    """

    def __init__(self, service: Service, connections: "set[Connection]") -> None:
        """Take the nodes to serve, and the set of open connections: this one is in it as long as it is open."""
        self.frame_bytes = FRAME_BYTES
        self.is_writable = True
        self._service = service
        self._connections = connections
        self._reader = FrameReader()
        self._sessions: dict[int, Session] = {}
        self._heartbeat: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport

    def send(self, channel: int, performative: Performative) -> None:
        """Encode a frame and send it."""
        self.write(write_frame(channel, performative))

    def write(self, data: bytes) -> None:
        """Send encoded frames; nothing happens once the connection is being closed."""
        if not self._transport.is_closing():
            self._transport.write(data)

    def close(self, condition: bytes, description: str) -> None:
        """Send the peer an error, and close."""
        self.send(0, CloseFrame(error=AMQPError(condition, description)))
        self._transport.close()

    def abort(self) -> None:
        """Cut the connection at once."""
        self._transport.abort()

    # asyncio calls these

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  (for the type checker: a TCP server's are)
        self._transport = transport
        transport.set_write_buffer_limits(high=_WRITE_BUFFER_BYTES)
        self._connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  (asyncio's signature)
        """Let go of everything that would call this connection."""
        if self._heartbeat:
            self._heartbeat.cancel()
        for session in self._sessions.values():
            session.end()
        self._sessions.clear()
        self._connections.discard(self)

    def pause_writing(self) -> None:
        """Stop feeding receivers: the peer reads too slowly."""
        self.is_writable = False

    def resume_writing(self) -> None:
        """Feed receivers again."""
        self.is_writable = True
        for session in self._sessions.values():
            session.pump()

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002  (asyncio's signature)
        """Return the buffer to read into."""
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

    # one method for each thing a peer can send; what belongs to a session goes there

    def _on_protocol_header(self, header: bytes) -> None:
        if header == _SASL_HEADER:
            self._transport.write(_SASL_HEADER + write_frame(0, SASLMechanism([b"ANONYMOUS"]), sasl=True))
            return
        self._transport.write(_AMQP_HEADER)
        if header != _AMQP_HEADER:  # AMQP 1.0 part 2, section 2.2: answer with what is supported, then close
            self._transport.close()

    def _on_frame(self, frame: Frame) -> None:
        match frame.performative:
            case None:
                pass  # a heartbeat
            case SASLInit():
                self._on_sasl_init(frame.channel)
            case OpenFrame() as peer:
                self._on_open(frame.channel, peer)
            case BeginFrame() as peer:
                self._sessions[frame.channel] = Session(self, self._service, frame.channel, peer)
            case EndFrame():
                self._on_end(frame.channel)
            case CloseFrame():
                self._on_close(frame.channel)
            case performative if frame.channel in self._sessions:
                self._sessions[frame.channel].handle(performative)
            case _:
                pass  # azure-eventhub detaches links of a session that it has ended already

    def _on_sasl_init(self, channel: int) -> None:
        self._transport.write(write_frame(channel, SASLOutcome(code=0, additional_data=None), sasl=True))

    def _on_open(self, channel: int, peer: OpenFrame) -> None:
        self.frame_bytes = min(FRAME_BYTES, peer.max_frame_size or FRAME_BYTES)
        self.send(channel, OpenFrame("local", None, FRAME_BYTES, _CHANNEL_MAX, None, None, None, None, None, None))
        if peer.idle_timeout:  # milliseconds after which the peer gives up; half of it is AMQP's advice
            self._beat(peer.idle_timeout / 2000)

    def _beat(self, seconds: float) -> None:
        self.write(EMPTY_FRAME)
        self._heartbeat = asyncio.get_running_loop().call_later(seconds, self._beat, seconds)

    def _on_end(self, channel: int) -> None:
        session = self._sessions.pop(channel, None)
        if session:
            session.end()
            self.send(channel, EndFrame(error=None))

    def _on_close(self, channel: int) -> None:
        self.send(channel, CloseFrame(error=None))
        self._transport.close()
