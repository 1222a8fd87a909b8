"""App settings, read once at start. All faults are found together, and each is told with the setting's name."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal, get_args
from urllib.parse import urlsplit

from flowlog_core.errors import FieldsError, SettingsError, SettingValueError
from flowlog_core.events.packer import MIN_EVENT_BYTES, EventCompression, EventFormat, EventOptions
from flowlog_core.flow.schema import select_fields
from flowlog_core.forwarding.options import ForwardOptions, PartitionBy, Start, SweepOptions

TriggerSource = Literal["EventGrid", "LogsAndContainerScan", "StorageQueue", "Sweep"]

CONTAINERS: Final = ("insights-logs-networksecuritygroupflowevent", "insights-logs-flowlogflowevent")
"""Where Network Watcher writes NSG and VNet flow logs."""

_SOURCE: Final = "FlowLogStorage"
_STORAGE_FORMS: Final = ("", "__blobServiceUri", "__accountName")  # of a connection, after its name
_HUB_CONNECTION: Final = "FlowLogEventHub"
_MOST_EVENT_BYTES: Final = 20 * 1024 * 1024  # what a dedicated cluster takes; the hub has the last word
_DEVELOPMENT_ACCOUNT: Final = "devstoreaccount1"  # the emulator's, see learn.microsoft.com, "Use Azurite"
_EMULATOR_HOST: Final = re.compile(r"localhost|[\d.]+|.*:.*", re.ASCII)  # there the account is in the path
_ACCOUNT_NAME: Final = re.compile(r"[a-z0-9]{3,24}", re.ASCII)
_HOST_NAME: Final = re.compile(r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*", re.ASCII)
_CONTAINER_NAME: Final = re.compile(r"[a-z0-9](?:-?[a-z0-9]){2,62}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Identity:
    """How a connection without a secret proves who it is.

    Attributes:
        client_id: Of a user-assigned managed identity, or None.
        managed: Whether only a managed identity will do, as ``__credential`` says.

    """

    client_id: str | None = None
    managed: bool = False


@dataclass(frozen=True, slots=True)
class StorageConnection:
    """A connection to a storage account, by connection string or by identity.

    Attributes:
        name: Name of the setting.
        account: Name of the account.
        connection_string: With its secret, or None.
        blob_service_uri: The blob endpoint, where there is no connection string.
        identity: Goes with the endpoint.

    """

    name: str
    account: str
    connection_string: str | None = None
    blob_service_uri: str | None = None
    identity: Identity = Identity()

    def __repr__(self) -> str:
        return f"StorageConnection({self.name!r}, account={self.account!r})"


@dataclass(frozen=True, slots=True)
class EventHubConnection:
    """A connection to an Event Hubs namespace, by connection string or by identity.

    Attributes:
        namespace: Host name of the namespace.
        hub: Name of the hub.
        connection_string: With its secret, or None.
        identity: Where there is no connection string.

    """

    namespace: str
    hub: str
    connection_string: str | None = None
    identity: Identity = Identity()

    @property
    def destination(self) -> str:
        """Name of the destination that checkpoints belong to."""
        return f"{self.namespace}/{self.hub}"

    def __repr__(self) -> str:
        return f"EventHubConnection({self.destination!r})"


@dataclass(frozen=True, slots=True)
class Settings:
    """The app's settings.

    Attributes:
        sources: Accounts that Network Watcher writes to.
        containers: Containers to watch in each.
        trigger_source: How the app hears of appends.
        event_hub: The destination.
        state: Account for checkpoints and quarantine.
        forward: How blobs are forwarded.

    """

    sources: tuple[StorageConnection, ...]
    containers: tuple[str, ...]
    trigger_source: TriggerSource
    event_hub: EventHubConnection
    state: StorageConnection
    forward: ForwardOptions
    sweep_schedule: str
    sweep: SweepOptions

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> "Settings":
        """Read the settings.

        Raises:
            SettingsError: Some are missing or wrong; it tells all of them.

        """
        reader = _Reader(environment)
        settings = reader.settings()
        if reader.faults or settings is None:
            raise SettingsError(reader.faults)
        return settings


def storage_connections(environment: Mapping[str, str]) -> tuple[StorageConnection, ...]:
    """Read those connections of FLOWLOG_SOURCES that are there, whatever else is.

    Raises:
        SettingsError: Some are wrong; it tells all of them.

    """
    reader = _Reader(environment)
    connections = reader.storage_connections()
    if reader.faults:
        raise SettingsError(reader.faults)
    return connections


class _Reader:
    """Reads settings one by one and gathers the faults."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.faults: list[str] = []
        self._environment = environment

    def settings(self) -> Settings | None:
        """Read all; None where a fault was found."""
        names = self._get("FLOWLOG_SOURCES", _SOURCE, _names)
        sources = [self._storage(name) for name in names or ()]
        containers = self._get("FLOWLOG_CONTAINERS", ",".join(CONTAINERS), _containers)
        trigger_source = self._get("FLOWLOG_TRIGGER_SOURCE", "EventGrid", _one_of(get_args(TriggerSource)))
        event_hub = self._event_hub()
        state_name = self._get("FLOWLOG_STATE", "AzureWebJobsStorage", _name)
        state = self._storage(state_name) if state_name else None
        forward = self._forward()
        sweep_schedule = self._get("FLOWLOG_SWEEP_SCHEDULE", "0 */5 * * * *", _schedule)
        sweep = self._sweep(sources, containers or (), forward)
        self._check_accounts([source for source in sources if source is not None])
        if self.faults or event_hub is None or state is None or containers is None:
            return None
        return Settings(
            sources=tuple(source for source in sources if source is not None),
            containers=containers,
            trigger_source=trigger_source,  # type: ignore[arg-type]  # one of its words, as `_one_of` saw to
            event_hub=event_hub,
            state=state,
            forward=forward,
            sweep_schedule=sweep_schedule or "",
            sweep=sweep,
        )

    def storage_connections(self) -> tuple[StorageConnection, ...]:
        """Read the sources that are there."""
        names = self._get("FLOWLOG_SOURCES", _SOURCE, _names) or ()
        there = [name for name in names if any(self._text(f"{name}{form}") for form in _STORAGE_FORMS)]
        read = [self._storage(name) for name in there]
        return tuple(connection for connection in read if connection is not None)

    def _forward(self) -> ForwardOptions:
        # Where a value is at fault the options are never used, so any stand-in will do.
        events = EventOptions(
            format=self._get("FLOWLOG_EVENT_FORMAT", "ndjson", _one_of(get_args(EventFormat))),  # type: ignore[arg-type]  # as above
            compression=self._get("FLOWLOG_EVENT_COMPRESSION", "none", _one_of(get_args(EventCompression))),  # type: ignore[arg-type]  # as above
            max_bytes=self._get("FLOWLOG_EVENT_MAX_BYTES", "262144", _number(MIN_EVENT_BYTES, _MOST_EVENT_BYTES)) or 0,
            fields=self._get("FLOWLOG_FIELDS", "", _fields) or (),
        )
        return ForwardOptions(
            events=events,
            partition_by=self._get("FLOWLOG_PARTITION_BY", "mac", _one_of(get_args(PartitionBy))),  # type: ignore[arg-type]  # as above
            run_seconds=self._get("FLOWLOG_RUN_SECONDS", "240", _number(5, 1500)) or 0,
            start=self._get("FLOWLOG_START", "now", _start) or "now",
        )

    def _sweep(
        self, sources: list[StorageConnection | None], containers: tuple[str, ...], forward: ForwardOptions
    ) -> SweepOptions:
        alone = self._text("FLOWLOG_TRIGGER_SOURCE") == "Sweep"
        hours = self._get("FLOWLOG_SWEEP_HOURS", "3", _number(1, 168)) or 0
        max_hours = self._get("FLOWLOG_SWEEP_MAX_HOURS", "168", _number(1, 8760)) or 0
        if hours and max_hours and max_hours < hours:
            self.faults.append(f"FLOWLOG_SWEEP_MAX_HOURS is {max_hours}, less than FLOWLOG_SWEEP_HOURS, {hours}")
        return SweepOptions(
            containers=tuple((source.account, name) for source in sources if source for name in containers),
            hours=hours,
            max_hours=max_hours,
            # Where the sweep is all there is, a blob that is appended to every minute must not wait for its hour's end.
            grace_seconds=self._get("FLOWLOG_SWEEP_GRACE_SECONDS", "0" if alone else "120", _number(0, 3600)) or 0,
            run_seconds=forward.run_seconds,
        )

    def _text(self, name: str) -> str:
        return self._environment.get(name, "").strip()

    def _get[T](self, name: str, default: str, read: Callable[[str], T]) -> T | None:
        if name in self._environment and not self._text(name) and name == "FLOWLOG_FIELDS":
            self.faults.append(f"{name} is empty; leave it out for the default, or name the keys")
            return None
        try:
            return read(self._text(name) or default)
        except SettingValueError as fault:
            self.faults.append(f"{name} {fault}")
            return None

    def _storage(self, name: str) -> StorageConnection | None:
        text = self._text(name)
        if text:
            return self._storage_by_string(name, text)
        uri, account = self._text(f"{name}__blobServiceUri"), self._text(f"{name}__accountName")
        if account and not _ACCOUNT_NAME.fullmatch(account):
            self.faults.append(f"{name}__accountName takes the name of a storage account, not {_shown(account)}")
            return None
        if uri:
            account = account or _account_of(uri)
            if not account or not uri.startswith(("https://", "http://")):
                self.faults.append(f"{name}__blobServiceUri takes a URL such as https://account.blob.core.windows.net")
                return None
            return StorageConnection(name, account, None, uri, self._identity(name))
        if account:
            uri = f"https://{account}.blob.core.windows.net"
            return StorageConnection(name, account, None, uri, self._identity(name))
        self.faults.append(
            f"{name} is missing: it takes a storage connection string, or {name}__blobServiceUri (or "
            f"{name}__accountName) for an identity"
        )
        return None

    def _storage_by_string(self, name: str, text: str) -> StorageConnection | None:
        parts = _connection_parts(text)
        if parts.get("usedevelopmentstorage", "").lower() == "true":
            return StorageConnection(name, _DEVELOPMENT_ACCOUNT, text)
        account = parts.get("accountname") or _account_of(parts.get("blobendpoint", ""))
        if not account:
            self.faults.append(f"{name} takes a storage connection string; this one names no account")
            return None
        return StorageConnection(name, account, text)

    def _event_hub(self) -> EventHubConnection | None:
        name = _HUB_CONNECTION
        hub = self._get("FLOWLOG_EVENTHUB_NAME", "flowlogs", _hub_name) or ""
        text = self._text(name)
        if text:
            host = _host(_connection_parts(text).get("endpoint", ""))
            if not host:
                self.faults.append(f"{name} takes an Event Hubs connection string; this one has no Endpoint=sb://…")
                return None
            entity = _connection_parts(text).get("entitypath")
            if entity and hub and entity != hub:
                self.faults.append(f"FLOWLOG_EVENTHUB_NAME is {hub!r}, and the EntityPath of {name} is {entity!r}")
                return None
            return EventHubConnection(host.lower(), hub, text)
        host = self._text(f"{name}__fullyQualifiedNamespace")
        if host:
            if not _HOST_NAME.fullmatch(host):
                self.faults.append(f"{name}__fullyQualifiedNamespace takes a host name, not {_shown(host)}")
                return None
            return EventHubConnection(host.lower(), hub, None, self._identity(name))
        self.faults.append(
            f"{name} is missing: it takes an Event Hubs connection string, or {name}__fullyQualifiedNamespace "
            "for an identity"
        )
        return None

    def _identity(self, name: str) -> Identity:
        kind = self._text(f"{name}__credential")
        if kind not in {"", "managedidentity"}:
            self.faults.append(f"{name}__credential takes managedidentity, or nothing")
        return Identity(self._text(f"{name}__clientId") or None, kind == "managedidentity")

    def _check_accounts(self, sources: list[StorageConnection]) -> None:
        accounts = [source.account for source in sources]
        for account in sorted({account for account in accounts if accounts.count(account) > 1}):
            self.faults.append(f"FLOWLOG_SOURCES names the storage account {account!r} more than once")


def _connection_parts(text: str) -> dict[str, str]:
    """Split a connection string; its keys are told apart without regard to case."""
    pairs = (part.split("=", 1) for part in text.split(";") if "=" in part)
    return {key.strip().lower(): value.strip() for key, value in pairs}


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _account_of(endpoint: str) -> str:
    """Name the account of a blob endpoint: the host's first label, or the path where the host is an emulator's."""
    host = _host(endpoint)
    if _EMULATOR_HOST.fullmatch(host):
        return urlsplit(endpoint).path.strip("/")
    return host.split(".")[0]


def _may_be_secret(text: str) -> bool:
    """Whether a value looks like a connection string or a key that stands in the wrong setting."""
    return bool(set(text) & set("=;"))


def _shown(text: str) -> str:
    """Quote a value for a message."""
    return "what is there" if _may_be_secret(text) else repr(text)


def _list(text: str) -> list[str]:
    words = [word.strip() for word in text.split(",")]
    if not all(words):
        raise SettingValueError("has an empty entry; it takes names, comma-separated")
    if len(set(words)) < len(words):
        raise SettingValueError("has an entry twice")
    return words


def _names(text: str) -> tuple[str, ...]:
    return tuple(_name(name) for name in _list(text))


def _name(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z]\w{0,39}", text, re.ASCII):
        raise SettingValueError(
            f"takes names of connection settings (letters, digits, _; up to 40), not {_shown(text)}"
        )
    return text


def _hub_name(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9](?:[\w.-]{0,254}[A-Za-z0-9])?", text, re.ASCII):
        raise SettingValueError(f"takes the name of a hub, not {_shown(text)}")
    return text


def _containers(text: str) -> tuple[str, ...]:
    containers = _list(text)
    for container in containers:
        if not _CONTAINER_NAME.fullmatch(container):
            raise SettingValueError(f"takes names of containers, not {_shown(container)}")
    return tuple(containers)


def _one_of(words: tuple[str, ...]) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in words:
            raise SettingValueError(f"takes {', '.join(words[:-1])} or {words[-1]}, not {_shown(text)}")
        return text

    return read


def _number(least: int, most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not re.fullmatch(r"\d{1,12}", text, re.ASCII) or not least <= int(text) <= most:
            raise SettingValueError(f"takes a whole number from {least} to {most}, not {_shown(text)}")
        return int(text)

    return read


def _schedule(text: str) -> str:
    # Only the shape is looked at: the host is the judge of what it can schedule.
    if not re.fullmatch(r"[^ ]+(?: [^ ]+){5}", text):
        raise SettingValueError(f"takes six fields, seconds first, such as 0 */5 * * * *, not {_shown(text)}")
    return text


def _fields(text: str) -> tuple[str, ...]:
    try:
        return select_fields(text)
    except FieldsError as error:
        raise SettingValueError("takes keys of a flow" if _may_be_secret(text) else str(error)) from None


def _start(text: str) -> Start:
    if text in {"now", "all"}:
        return text  # type: ignore[return-value]  # as the line before saw to
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise SettingValueError(
            f"takes now, all, or a UTC time such as 2026-11-20T23:00Z, not {_shown(text)}"
        ) from None
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
