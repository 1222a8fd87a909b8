"""The command ``tail``: flows as they arrive on the hub."""

import argparse
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from ipaddress import IPv4Network, IPv6Network, ip_network
from itertools import batched
from typing import Final, Literal

from flowlog_core.adapters.event_hubs.reader import DEFAULT_GROUP, EventHubReader
from flowlog_core.cli.input.arguments import Subparsers, add_command, add_settings, number, point_in_time, read_settings
from flowlog_core.cli.output.flow_display import Display, JsonLines, display
from flowlog_core.cli.output.streams import ERR, OUT, complain
from flowlog_core.cli.output.terminal import lasting
from flowlog_core.errors import EventUnreadableError, UsageError
from flowlog_core.events.body_reader import Flow
from flowlog_core.operations.received_event import ReceivedEvent
from flowlog_core.operations.tail.flow_filter import FlowFilter

_ENDED: Final = 0
_AT_ONCE: Final = 1000  # flows of an event that are in memory; few events have more
_DIRECTIONS: Final = {"in": "inbound", "out": "outbound", "inbound": "inbound", "outbound": "outbound"}
_MOST_PORT: Final = 65_535

_EXAMPLES: Final = """\
examples:
  flowlog tail
  flowlog tail --decision deny --direction in --port 22
  flowlog tail --ip 10.1.0.0/16 --ip 2001:db8::/32 --rule internet
  flowlog tail --since '1h ago' --until-end --json | jq -r .destIp | sort | uniq -c

A flow is shown if all conditions hold; of several --ip, any. It reads as one more consumer, and
takes nothing away from the others; but where another reader has the consumer group for itself,
as event processors may, it takes a group of its own. An event that is not the forwarder's, or does
not hold the flows that it announces, is counted and passed over.

exit status: 0 ended by --count or --until-end; 2 wrong usage, or the hub can't be read; 130 ended
by Ctrl-C
"""


def add(commands: Subparsers) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "tail",
        summary="show flows as they arrive on the hub",
        description="Show flows as they arrive on the hub: in a live table on a terminal, as lines elsewhere.",
        epilog=_EXAMPLES,
    )
    parser.set_defaults(run=_tail)
    add_settings(parser)
    parser.add_argument("--consumer-group", default=DEFAULT_GROUP, metavar="NAME", help="default: %(default)s")
    begin = parser.add_mutually_exclusive_group()
    begin.add_argument(
        "--since",
        type=point_in_time,
        metavar="TIME",
        help="begin with the events that the hub took then: UTC, or '2h ago' (default: with new ones)",
    )
    begin.add_argument("--from-start", action="store_true", help="begin with the first event that the hub still has")
    parser.add_argument("--until-end", action="store_true", help="end with the last event that there is now")
    parser.add_argument("--count", type=number(1, 10**9), metavar="N", help="end after so many flows shown")
    parser.add_argument("--decision", choices=("allow", "deny"), help="only such flows")
    parser.add_argument("--direction", choices=tuple(_DIRECTIONS), help="only such flows")
    parser.add_argument(
        "--rule", default="", metavar="TEXT", help="only of rules with this in their names, in any case"
    )
    parser.add_argument(
        "--ip", type=_network, action="append", metavar="ADDRESS", help="only from or to this address or network"
    )
    parser.add_argument("--port", type=number(0, _MOST_PORT), metavar="N", help="only from or to this port")
    parser.add_argument("--json", action="store_true", help="print NDJSON: the flows as they are, in their schema")


def _tail(options: argparse.Namespace) -> int:
    if options.until_end and not (options.since or options.from_start):
        raise UsageError("--until-end takes --since or --from-start: without them, only what comes is read")
    wanted = FlowFilter(
        options.decision, _DIRECTIONS.get(options.direction), options.rule, tuple(options.ip or ()), options.port
    )
    tail = Tail(wanted, options.count, as_written=options.json, verbose=options.verbose)
    shown = JsonLines() if options.json else display(aside=ERR)
    reader = EventHubReader(read_settings(options).event_hub, options.consumer_group)
    since: datetime | Literal["earliest", "latest"] = "earliest" if options.from_start else "latest"
    if options.since is not None:
        since = options.since
    with _told(tail), closing(reader.read(since, follow=not options.until_end)) as events, shown:
        shown.totals(tail.totals())
        for event in events:
            tail.show(event, shown)
            shown.totals(tail.totals())
            if tail.full:
                break
    return _ENDED


@contextmanager
def _told(tail: "Tail") -> Iterator[None]:
    """Tell the totals at the end, where no table has them, after Ctrl-C as well."""
    try:
        yield
    except KeyboardInterrupt:
        tail.tell()
        raise
    tail.tell()


class Tail:
    """What was read and shown so far.

    Attributes:
        full: Whether as many flows were shown as were asked for.

    """

    def __init__(self, wanted: FlowFilter, count: int | None, *, as_written: bool, verbose: bool) -> None:
        self.full = False
        self._wanted = wanted
        self._count = count
        self._as_written = as_written  # in their own schema; else as the display knows flows
        self._verbose = verbose
        self._events = 0
        self._foreign = 0
        self._flows = 0
        self._shown = 0
        self._lag: float | None = None
        self._lacking: tuple[str, ...] = ()

    def show(self, event: ReceivedEvent, shown: Display) -> None:
        """Show the wanted flows of an event; one that can't be read is told once, counted, and passed over."""
        self._events += 1
        try:
            for flows in batched(event.flows(), _AT_ONCE, strict=False):
                self._show(event, flows, shown)
                if self.full:
                    return
        except EventUnreadableError as error:
            self._foreign += 1
            if self._foreign == 1 or self._verbose:
                shown.note(f"{error}" if self._verbose else f"{error}; more of this kind are only counted")

    def _show(self, event: ReceivedEvent, flows: Sequence[Flow], shown: Display) -> None:
        self._flows += len(flows)
        read = list(map(event.read_back, flows))
        self._lag = (datetime.now(UTC) - _newest(event, read)).total_seconds()
        self._tell_lacking(event, shown)
        wanted = [(flow, values) for flow, values in zip(flows, read, strict=True) if self._wanted.passes(values)]
        if self._count is not None:
            wanted = wanted[: self._count - self._shown]
        self._shown += len(wanted)
        self.full = self._shown == self._count
        shown.flows([flow if self._as_written else values for flow, values in wanted])

    def totals(self) -> str:
        """Sum up in a line."""
        lag = "" if self._lag is None else f" · lag {lasting(max(self._lag, 0))}"
        foreign = f" ({self._foreign:,} not of the forwarder)" if self._foreign else ""
        return f"{self._events:,} events{foreign} · {self._flows:,} flows · {self._shown:,} shown{lag}"

    def tell(self) -> None:
        """Sum up on standard error, unless the totals stand below a table."""
        if not OUT.is_terminal:
            complain(self.totals())

    def _tell_lacking(self, event: ReceivedEvent, shown: Display) -> None:
        """Tell once which keys the conditions are about and flows lack: nothing of them can be found."""
        lacking = self._wanted.lacking(event.keys)
        if lacking and lacking != self._lacking:
            self._lacking = lacking
            shown.note(f"flows come without {', '.join(lacking)} (FLOWLOG_FIELDS), so no condition on it holds")


def _newest(event: ReceivedEvent, flows: Sequence[Flow]) -> datetime:
    """Give the time of the newest flow; of the event, where flows have no time."""
    times = [time for flow in flows if isinstance(time := flow.get("time"), str)]
    try:
        return datetime.fromisoformat(max(times)).astimezone(UTC)
    except (ValueError, OverflowError):  # anybody may have sent it
        return event.enqueued


def _network(text: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(text, strict=False)
    except ValueError:
        raise argparse.ArgumentTypeError(f"takes an address or a network such as 10.1.0.0/16, not {text!r}") from None
