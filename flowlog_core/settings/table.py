"""Every app setting, once: its name, its default, what it takes and what it is for.

A new setting is one more entry here, which `Settings` reads. `make docs` writes docs/settings.md from this table.
"""

from dataclasses import dataclass
from typing import Final, Literal, get_args

from flowlog_core.connections import Transport
from flowlog_core.events.packer import MIN_EVENT_BYTES, EventCompression, EventFormat
from flowlog_core.flow.schemas import SCHEMAS, SchemaName
from flowlog_core.flow.schemas.flow_1 import DEFAULT_FIELDS, KEYS
from flowlog_core.forwarding.options import ForwardOptions, PartitionBy, RunLogForm, SweepOptions
from flowlog_core.settings import parsers
from flowlog_core.settings.parsers import Parser, number, one_of

TriggerSource = Literal["EventGrid", "LogsAndContainerScan", "StorageQueue", "EventHub", "Sweep"]

NETWORK_WATCHER_CONTAINERS: Final = ("insights-logs-networksecuritygroupflowevent", "insights-logs-flowlogflowevent")
"""Where Network Watcher writes NSG and VNet flow logs."""

PREFIX: Final = "FLOWLOG_"
"""How the name of each setting begins; a connection's may, too."""

EVENT_HUB: Final = "FlowLogEventHub"
"""Name of the connection to the Event Hubs namespace."""

GRACE_SECONDS_OF_SWEEP_ALONE: Final = 0
"""Default of FLOWLOG_SWEEP_GRACE_SECONDS where the sweep is all there is: no event is under way."""

_MOST_EVENT_BYTES: Final = 20 * 1024 * 1024  # what a dedicated cluster takes; the hub has the last word

# What is an option of forwarding or of the sweep has its default there, and nowhere else.
_FORWARD: Final = ForwardOptions()
_SWEEP: Final = SweepOptions(containers=(), run_seconds=_FORWARD.run_seconds)


@dataclass(frozen=True, slots=True)
class Setting[T]:
    """One app setting.

    Attributes:
        name: Its name.
        default: Its value where the setting is missing, or empty.
        parser: Reads its text.
        help: What it is for, in Markdown.
        may_be_empty: Whether an empty text counts as none; otherwise the parser is asked.

    """

    name: str
    default: T
    parser: Parser[T]
    help: str
    may_be_empty: bool = True

    @property
    def default_text(self) -> str:
        """The default, as the setting would have it."""
        return ",".join(self.default) if isinstance(self.default, tuple) else str(self.default)


SOURCES: Final = Setting(
    "FLOWLOG_SOURCES",
    default=("FlowLogStorage",),
    parser=parsers.CONNECTIONS,
    help="Connections of the storage accounts that Network Watcher writes to: one deployment serves them all.",
)
CONTAINERS: Final = Setting(
    "FLOWLOG_CONTAINERS",
    default=NETWORK_WATCHER_CONTAINERS,
    parser=parsers.CONTAINERS,
    help="Containers to watch in each of these accounts. One that does not exist counts as empty.",
)
TRIGGER_SOURCE: Final = Setting[TriggerSource](
    "FLOWLOG_TRIGGER_SOURCE",
    default="EventGrid",
    parser=one_of(get_args(TriggerSource)),
    help="How the app hears of appends. `EventGrid`: a blob trigger that Event Grid calls by web hook. "
    "`LogsAndContainerScan`: a blob trigger that polls, for a local run. `StorageQueue`: Event Grid writes into the "
    "queue `flowlog-events` of `AzureWebJobsStorage`, which one trigger reads for all accounts; it takes no key and "
    "no inbound call. `EventHub`: Event Grid writes into the hub that `FLOWLOG_ANNOUNCEMENT_HUB` names, of which one "
    "trigger takes many announcements at once: the cheapest for many interfaces. `Sweep`: only the timer looks.",
)
START: Final = Setting(
    "FLOWLOG_START",
    default=_FORWARD.start,
    parser=parsers.START,
    help="Blobs of hours before this are left alone unless they are backfilled. `now` is the hour of the "
    "destination's first run, which is kept in the state account; `all` leaves none alone.",
)
EVENTHUB_NAME: Final = Setting(
    "FLOWLOG_EVENTHUB_NAME",
    default="flowlogs",
    parser=parsers.HUB,
    help=f"The hub that flows are sent to, in the namespace of the connection `{EVENT_HUB}`.",
)
EVENTHUB_TRANSPORT: Final = Setting[Transport](
    "FLOWLOG_EVENTHUB_TRANSPORT",
    default="amqp",
    parser=one_of(get_args(Transport)),
    help="How the hub is reached. `amqp`: AMQP over TLS, port 5671. `websockets`: AMQP over WebSockets, port 443, "
    "through the proxy of the variable `HTTPS_PROXY` where that is set and `NO_PROXY` does not name the host.",
)
ANNOUNCEMENT_HUB: Final = Setting(
    "FLOWLOG_ANNOUNCEMENT_HUB",
    default="flowlog-announcements",
    parser=parsers.HUB,
    help="With the trigger source `EventHub`, the hub that Event Grid writes to, in the namespace of the connection "
    f"`{EVENT_HUB}`. It is another one than `FLOWLOG_EVENTHUB_NAME`, and is read through its consumer group "
    "`forwarder`.",
)
STATE: Final = Setting(
    "FLOWLOG_STATE",
    default="AzureWebJobsStorage",
    parser=parsers.CONNECTION,
    help="Connection of the storage account for checkpoints and quarantine.",
)
SCHEMA: Final = Setting[SchemaName](
    "FLOWLOG_SCHEMA",
    default="flow",
    parser=one_of(get_args(SchemaName)),
    help="What a flow looks like. `flow`: this product's flat flow, `flow/1`. `ocsf`: OCSF Network Activity. `ecs`: "
    "Elastic Common Schema. `asim`: Microsoft Sentinel's ASIM NetworkSession. The event property `schema` says which "
    f"and of which version: {', '.join(f'`{schema.name}`' for schema in SCHEMAS.values())}.",
)
FIELDS: Final = Setting(
    "FLOWLOG_FIELDS",
    default=DEFAULT_FIELDS,
    parser=parsers.FIELDS,
    help="The keys that each flow has, in their order. `+key` adds a key to the default, `-key` leaves one out. "
    f"Further keys are {', '.join(f'`{key.name}`' for key in KEYS if not key.default)}. An empty text is a fault, and "
    "so is any text with another `FLOWLOG_SCHEMA` than `flow`.",
    may_be_empty=False,
)
EVENT_FORMAT: Final = Setting(
    "FLOWLOG_EVENT_FORMAT",
    default=_FORWARD.events.format,
    parser=one_of(get_args(EventFormat)),
    help='The body of an event. `ndjson`: one flow a line. `records`: `{"records":[…]}`, as Azure\'s diagnostic '
    "logs have it. `json`: one flow an event.",
)
EVENT_COMPRESSION: Final = Setting(
    "FLOWLOG_EVENT_COMPRESSION",
    default=_FORWARD.events.compression,
    parser=one_of(get_args(EventCompression)),
    help="Compression of each body.",
)
EVENT_MAX_BYTES: Final = Setting(
    "FLOWLOG_EVENT_MAX_BYTES",
    default=_FORWARD.events.max_bytes,
    parser=number(MIN_EVENT_BYTES, _MOST_EVENT_BYTES),
    help="The size of an event as it is sent: compressed, and with its properties. Where the hub accepts less, that "
    "is the limit.",
)
PARTITION_BY: Final = Setting(
    "FLOWLOG_PARTITION_BY",
    default=_FORWARD.partition_by,
    parser=one_of(get_args(PartitionBy)),
    help="`mac`: the MAC address in the blob's name is the partition key, so the flows of one blob keep their order. "
    "`none`: events go to all partitions in turn.",
)
RUN_SECONDS: Final = Setting(
    "FLOWLOG_RUN_SECONDS",
    default=_FORWARD.run_seconds,
    parser=number(5, 1500),
    help="A run or a sweep commits and ends after so many seconds; the next event or sweep goes on. Less than "
    "`functionTimeout` in host.json.",
)
RUN_LOG: Final = Setting[RunLogForm](
    "FLOWLOG_RUN_LOG",
    default=_FORWARD.run_log.form,
    parser=one_of(get_args(RunLogForm)),
    help="What is logged of runs. `each`: a line `flowlog.run` for each pass. `minute`: once a minute and process a "
    "line `flowlog.runs` with sums, and `flowlog.run` only of a pass that is unusual: not complete, with something in "
    "quarantine, rewritten, throttled, failed, or with a lag above `FLOWLOG_SWEEP_GRACE_SECONDS`.",
)
SWEEP_SCHEDULE: Final = Setting(
    "FLOWLOG_SWEEP_SCHEDULE",
    default="0 */5 * * * *",
    parser=parsers.SCHEDULE,
    help="When the sweep runs, which forwards what no event announced: an NCRONTAB expression.",
)
SWEEP_HOURS: Final = Setting(
    "FLOWLOG_SWEEP_HOURS",
    default=_SWEEP.hours,
    parser=number(1, 168),
    help="How many hours back the sweep looks.",
)
SWEEP_MAX_HOURS: Final = Setting(
    "FLOWLOG_SWEEP_MAX_HOURS",
    default=_SWEEP.max_hours,
    parser=number(1, 8760),
    help="How many hours back it looks at most where the last complete round of sweeps began longer ago than "
    "`FLOWLOG_SWEEP_HOURS`. At least as many as that.",
)
SWEEP_GRACE_SECONDS: Final = Setting(
    "FLOWLOG_SWEEP_GRACE_SECONDS",
    default=_SWEEP.grace_seconds,
    parser=number(0, 3600),
    help="How many seconds a blob must have been quiet before the sweep forwards it: until then its event is "
    "probably under way. With the trigger source `Sweep` there are no events, and the default is "
    f"{GRACE_SECONDS_OF_SWEEP_ALONE}.",
)

SILENT_MINUTES: Final = Setting(
    "FLOWLOG_SILENT_MINUTES",
    default=_SWEEP.silent_minutes,
    parser=number(0, 525_600),
    help="A source container that had blobs and got nothing for more minutes than this is silent: an alert fires, and "
    "`flowlog status` exits with 1. `0` turns that off.",
)

SETTINGS: Final[tuple[Setting[object], ...]] = tuple(row for row in list(vars().values()) if isinstance(row, Setting))
"""Every setting above: all but the connections."""
