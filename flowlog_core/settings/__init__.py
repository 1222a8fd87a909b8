"""The app settings, read once at start. All faults are reported together, each with the setting's name."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import partial

from flowlog_core.connections import (
    EventHubConnection,
    StorageConnection,
    event_hub_connection,
    is_storage_connection,
    storage_connection,
)
from flowlog_core.errors import SettingsError, SettingValueError
from flowlog_core.events.packer import EventOptions
from flowlog_core.flow.schemas import SCHEMAS
from flowlog_core.flow.schemas.flow_1 import flow_schema
from flowlog_core.flow.tree import Schema
from flowlog_core.forwarding.options import ForwardOptions, RunLogOptions, SweepOptions
from flowlog_core.settings import table
from flowlog_core.settings.table import Setting, TriggerSource
from flowlog_core.source.gate import outside_text


@dataclass(frozen=True, slots=True)
class Settings:
    """The app's settings.

    Attributes:
        sources: Accounts that Network Watcher writes to.
        containers: Containers to watch in each.
        trigger_source: How the app hears of appends.
        event_hub: The destination.
        announcement_hub: The hub that announcements come from, where the trigger source is ``EventHub``.
        state: Account for checkpoints and quarantine.
        forward: How blobs are forwarded.
        sweep_schedule: When the sweep runs: an NCRONTAB expression.
        sweep: How far the sweep looks.
        unknown: What is wrong with each name that begins as a setting's and is none; empty where settings were read
            strictly.

    """

    sources: tuple[StorageConnection, ...]
    containers: tuple[str, ...]
    trigger_source: TriggerSource
    event_hub: EventHubConnection
    announcement_hub: str
    state: StorageConnection
    forward: ForwardOptions
    sweep_schedule: str
    sweep: SweepOptions
    unknown: tuple[str, ...] = ()

    @classmethod
    def read(cls, environment: Mapping[str, str], *, strict: bool = False) -> "Settings":
        """Read the settings; where that is to be strict, a name that is unknown is a fault.

        Raises:
            SettingsError: Some are missing or wrong; it has all of the faults.

        """
        return _Reader(environment, strict=strict).settings()


def storage_connections(environment: Mapping[str, str]) -> tuple[StorageConnection, ...]:
    """Read those connections of FLOWLOG_SOURCES that are there, whatever else is; a name that is unknown is a fault.

    Raises:
        SettingsError: Some are wrong; it has all of the faults.

    """
    return _Reader(environment, strict=True).storage_connections()


class _Reader:
    """Reads settings one by one and gathers their faults."""

    def __init__(self, environment: Mapping[str, str], *, strict: bool) -> None:
        self._environment = environment
        self._strict = strict
        self._faults: list[str] = []

    def settings(self) -> Settings:
        """Read all."""
        source_names = self._get(table.SOURCES, at_fault=())
        sources = self._sources(source_names)
        containers = self._get(table.CONTAINERS)
        trigger_source = self._get(table.TRIGGER_SOURCE)
        hub = self._get(table.EVENTHUB_NAME, at_fault="")
        transport = self._get(table.EVENTHUB_TRANSPORT)
        event_hub = self._connect(partial(event_hub_connection, self._environment, table.EVENT_HUB, hub, transport))
        announcement_hub = self._get(table.ANNOUNCEMENT_HUB, at_fault="")
        if trigger_source == "EventHub":
            self._check_announcement_hub(announcement_hub, event_hub)
        state_name = self._get(table.STATE, at_fault="")
        state = self._connect(partial(storage_connection, self._environment, state_name)) if state_name else None
        forward = self._forward()
        sweep_schedule = self._get(table.SWEEP_SCHEDULE)
        places = tuple((source.account, name) for source in sources for name in containers)
        sweep = self._sweep(places, forward.run_seconds, alone=trigger_source == "Sweep")
        forward = replace(forward, run_log=self._run_log(sweep.grace_seconds))
        unknown = self._unknown((*source_names, state_name))
        if self._faults or event_hub is None or state is None:
            raise SettingsError(self._faults)
        return Settings(
            sources,
            containers,
            trigger_source,
            event_hub,
            announcement_hub,
            state,
            forward,
            sweep_schedule,
            sweep,
            unknown,
        )

    def storage_connections(self) -> tuple[StorageConnection, ...]:
        """Read the sources that are there."""
        names = self._get(table.SOURCES, at_fault=())
        sources = self._sources(name for name in names if is_storage_connection(self._environment, name))
        self._unknown((*names, self._get(table.STATE, at_fault="")))
        if self._faults:
            raise SettingsError(self._faults)
        return sources

    def _check_announcement_hub(self, name: str, destination: EventHubConnection | None) -> None:
        """See that the trigger would not read what the app itself sends."""
        if destination is None:
            return
        if name and name.lower() == destination.hub.lower():
            self._faults.append(
                f"FLOWLOG_ANNOUNCEMENT_HUB is {name!r}, the hub of FLOWLOG_EVENTHUB_NAME; it takes another one"
            )
        if destination.names_hub:
            self._faults.append(
                f"{table.EVENT_HUB} has an EntityPath; with FLOWLOG_TRIGGER_SOURCE EventHub it takes the connection "
                "string of the namespace, for the trigger would read the hub that the EntityPath names"
            )

    def _forward(self) -> ForwardOptions:
        return ForwardOptions(
            events=EventOptions(
                format=self._get(table.EVENT_FORMAT),
                compression=self._get(table.EVENT_COMPRESSION),
                max_bytes=self._get(table.EVENT_MAX_BYTES),
                schema=self._schema(),
            ),
            partition_by=self._get(table.PARTITION_BY),
            run_seconds=self._get(table.RUN_SECONDS),
            start=self._get(table.START),
        )

    def _schema(self) -> Schema:
        name = self._get(table.SCHEMA)
        fields = self._get(table.FIELDS)
        if name == "flow":
            return flow_schema(fields)
        if table.FIELDS.name in self._environment:
            self._faults.append(f"{table.FIELDS.name} goes with the schema 'flow' alone, not with {name!r}; remove it")
        return SCHEMAS[name]

    def _run_log(self, grace_seconds: int) -> RunLogOptions:
        # Where the sweep is all there is, every lag is above the grace, which is 0: then none is unusual.
        return RunLogOptions(self._get(table.RUN_LOG), usual_lag_seconds=grace_seconds or math.inf)

    def _sweep(self, places: tuple[tuple[str, str], ...], run_seconds: float, *, alone: bool) -> SweepOptions:
        hours = self._get(table.SWEEP_HOURS, at_fault=0)
        max_hours = self._get(table.SWEEP_MAX_HOURS)
        if max_hours < hours:
            self._faults.append(f"FLOWLOG_SWEEP_MAX_HOURS is {max_hours}, less than FLOWLOG_SWEEP_HOURS, {hours}")
        grace = table.SWEEP_GRACE_SECONDS
        if alone:  # a blob that is appended to every minute must not wait for the end of its hour
            grace = replace(grace, default=table.GRACE_SECONDS_OF_SWEEP_ALONE)
        return SweepOptions(
            places,
            run_seconds,
            hours,
            max_hours,
            self._get(grace),
            silent_minutes=self._get(table.SILENT_MINUTES),
        )

    def _unknown(self, connections: Iterable[str]) -> tuple[str, ...]:
        """Return what is wrong with names that begin as a setting's and are none; a fault where that is to be one.

        A connection's name is its owner's choice, and may begin so as well.
        """
        known = {setting.name for setting in table.SETTINGS}.union(connections)
        names = sorted(name for name in self._environment if name.startswith(table.PREFIX))
        unknown = tuple(_unknown_name(name) for name in names if name.partition("__")[0] not in known)
        if self._strict:
            self._faults += unknown
            return ()
        return unknown

    def _sources(self, names: Iterable[str]) -> tuple[StorageConnection, ...]:
        read = [self._connect(partial(storage_connection, self._environment, name)) for name in names]
        sources = tuple(source for source in read if source is not None)
        accounts = [source.account for source in sources]
        for account in sorted({account for account in accounts if accounts.count(account) > 1}):
            self._faults.append(f"FLOWLOG_SOURCES names the storage account {account!r} more than once")
        return sources

    def _get[T](self, setting: Setting[T], *, at_fault: T | None = None) -> T:
        """Read a setting. Where it is at fault `at_fault` stands in, or the default, and the settings are not used."""
        text = self._environment.get(setting.name)
        if text is None or (setting.may_be_empty and not text.strip()):
            return setting.default
        try:
            return setting.parser.read(text.strip())
        except SettingValueError as fault:
            self._faults.append(f"{setting.name} {fault}")
            return setting.default if at_fault is None else at_fault

    def _connect[T](self, read: Callable[[], T]) -> T | None:
        """Read a connection; None where it is at fault."""
        try:
            return read()
        except SettingsError as error:
            self._faults += error.faults
            return None


def _unknown_name(name: str) -> str:
    """Say of a name that it is no setting's, and which one is nearest."""
    (nearest,) = get_close_matches(name, [setting.name for setting in table.SETTINGS], n=1, cutoff=0)
    return f"{outside_text(name)} is not known; the nearest setting is {nearest}"
