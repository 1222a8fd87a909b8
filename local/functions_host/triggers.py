"""The triggers of a Functions app, as its own index declares them, and the messages that the host sends for each.

Only what a local run needs is served: functions with one `blobTrigger` bound to an SDK type, one `queueTrigger`, one
`eventHubTrigger` that takes many events, or one `timerTrigger`. Everything else is a fault, raised before the host is
ready. The messages follow the host's source: BlobTriggerBinding and QueueTriggerBinding of its storage extension,
EventHubTriggerBindingStrategy of its Event Hubs extension, TimerListener of its timer extension,
GrpcMessageConversionExtensions.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

from azure.eventhub import EventData
from azure.storage.blob import BlobProperties
from azure.storage.queue import QueueMessage

from local.functions_host.app_folder import HostError
from local.functions_host.ncrontab import Schedule
from local.functions_host.worker import (
    Arguments,
    CollectionString,
    ModelBindingData,
    ParameterBinding,
    RpcFunctionMetadata,
    TypedData,
)

_PLACEHOLDER = re.compile(r"\{([A-Za-z_]\w*)\}")
_SETTING = re.compile(r"%([^%]+)%")


@dataclass(frozen=True, slots=True)
class BlobTrigger:
    """A function that runs for each new or changed blob.

    Attributes:
        function: Its name.
        function_id: The runtime's id of it.
        disabled: Whether a setting switches it off.
        parameter: The parameter that is bound to the blob.
        path: `container/pattern` as declared, settings filled in.
        container: The container to watch.
        pattern: Matches the names of the blobs to serve; its groups are the path's placeholders.
        connection: Name of the app setting with the connection string.
        source: `EventGrid` or `LogsAndContainerScan`, as declared.

    """

    function: str
    function_id: str
    disabled: bool
    parameter: str
    path: str
    container: str
    pattern: re.Pattern[str]
    connection: str
    source: str

    def describe(self) -> dict[str, object]:
        """Describe it for a person or a test, as JSON values."""
        return {
            "name": self.function,
            "type": "blobTrigger",
            "path": self.path,
            "connection": self.connection,
            "source": self.source,
            "disabled": self.disabled,
        }

    def match_name(self, name: str) -> dict[str, str] | None:
        """Match a blob's name with the path; return the placeholders' values, or None where it doesn't fit.

        A placeholder takes any characters, slashes among them.
        """
        match = self.pattern.fullmatch(name)
        return match.groupdict() if match else None

    def make_arguments(self, blob: BlobProperties, uri: str, captures: Mapping[str, str]) -> Arguments:
        """Make what the host sends for this blob: its names as model binding data, and the trigger metadata.

        Of `Properties`, which the host fills with the storage SDK's complete BlobProperties, it has the plain fields.
        """
        names = {"Connection": self.connection, "ContainerName": self.container, "BlobName": blob.name}
        content = ModelBindingData("1.0", "AzureStorageBlobs", "application/json", json.dumps(names).encode())
        properties = {
            "LastModified": blob.last_modified.isoformat(),
            "ContentLength": blob.size,
            "ContentType": blob.content_settings.content_type,
            "Metadata": blob.metadata,
        }
        metadata = {
            "BlobTrigger": TypedData(string=f"{self.container}/{blob.name}"),
            "Uri": _as_json(uri),
            "Properties": _as_json(properties),
            "Metadata": _as_json(blob.metadata),
            **{name: TypedData(string=value) for name, value in captures.items()},
        }
        return Arguments(ParameterBinding(self.parameter, TypedData(model_binding_data=content)), metadata)


@dataclass(frozen=True, slots=True)
class TimerTrigger:
    """A function that runs on a schedule, in UTC.

    Attributes:
        function: Its name.
        function_id: The runtime's id of it.
        disabled: Whether a setting switches it off.
        parameter: The parameter that takes the TimerRequest.
        schedule: When it runs.
        run_on_startup: Whether it also runs once when the host starts.

    """

    function: str
    function_id: str
    disabled: bool
    parameter: str
    schedule: Schedule
    run_on_startup: bool

    def describe(self) -> dict[str, object]:
        """Describe it for a person or a test, as JSON values."""
        return {
            "name": self.function,
            "type": "timerTrigger",
            "schedule": self.schedule.text,
            "runOnStartup": self.run_on_startup,
            "disabled": self.disabled,
        }

    def make_arguments(self, last: datetime | None, due: datetime | None, *, is_past_due: bool = False) -> Arguments:
        """Make what the host sends: the schedule's status, and whether the run was missed.

        Args:
            last: When it ran last; None for never.
            due: When it runs next; None where the schedule has no status.
            is_past_due: Whether its time passed while no host was there.

        """
        before = (last or datetime.min.replace(tzinfo=UTC)).isoformat()
        status = {"Last": before, "LastUpdated": before, "Next": due.isoformat()} if due is not None else None
        request = {"Schedule": {"AdjustForDST": True}, "ScheduleStatus": status, "IsPastDue": is_past_due}
        metadata = {"TimerTrigger": TypedData(string=datetime.now(UTC).isoformat())}
        return Arguments(ParameterBinding(self.parameter, _as_json(request)), metadata)


@dataclass(frozen=True, slots=True)
class QueueTrigger:
    """A function that runs for each message of a storage queue.

    Attributes:
        function: Its name.
        function_id: The runtime's id of it.
        disabled: Whether a setting switches it off.
        parameter: The parameter that takes the QueueMessage.
        queue: Name of the queue.
        connection: Name of the app setting with the connection string.

    """

    function: str
    function_id: str
    disabled: bool
    parameter: str
    queue: str
    connection: str

    def describe(self) -> dict[str, object]:
        """Describe it for a person or a test, as JSON values."""
        return {
            "name": self.function,
            "type": "queueTrigger",
            "queue": self.queue,
            "connection": self.connection,
            "disabled": self.disabled,
        }

    def make_arguments(self, message: QueueMessage, text: str) -> Arguments:
        """Make what the host sends for this message, whose content was decoded to this text."""
        metadata = {
            "QueueTrigger": TypedData(string=text),
            "Id": TypedData(string=message.id),
            "DequeueCount": _as_json(message.dequeue_count),
            "PopReceipt": TypedData(string=message.pop_receipt),
            **{
                name: _as_json(moment.isoformat())
                for name, moment in (
                    ("ExpirationTime", message.expires_on),
                    ("InsertionTime", message.inserted_on),
                    ("NextVisibleTime", message.next_visible_on),
                )
                if moment is not None
            },
        }
        return Arguments(ParameterBinding(self.parameter, TypedData(string=text)), metadata)


@dataclass(frozen=True, slots=True)
class EventHubTrigger:
    """A function that runs for several events of a hub's partition at once.

    Attributes:
        function: Its name.
        function_id: The runtime's id of it.
        disabled: Whether a setting switches it off.
        parameter: The parameter that takes the list of EventHubEvent.
        hub: Name of the hub.
        consumer_group: Through which the hub is read.
        connection: Name of the app setting with the connection string.

    """

    function: str
    function_id: str
    disabled: bool
    parameter: str
    hub: str
    consumer_group: str
    connection: str

    def describe(self) -> dict[str, object]:
        """Describe it for a person or a test, as JSON values."""
        return {
            "name": self.function,
            "type": "eventHubTrigger",
            "hub": self.hub,
            "consumerGroup": self.consumer_group,
            "connection": self.connection,
            "disabled": self.disabled,
        }

    def make_arguments(self, events: Sequence[EventData]) -> Arguments:
        """Make what the host sends for these events: their bodies as texts, and arrays with what the hub says of each.

        Of the properties that Event Hubs gives an event it has those that the runtime reads.
        """
        bodies = [b"".join(cast("Iterable[bytes]", event.body)).decode(errors="replace") for event in events]
        properties = [
            {
                "SequenceNumber": event.sequence_number,
                "Offset": event.offset,
                "PartitionKey": event.partition_key and event.partition_key.decode(),
                "EnqueuedTimeUtc": event.enqueued_time and event.enqueued_time.isoformat(),
            }
            for event in events
        ]
        data = TypedData(collection_string=CollectionString(bodies))
        return Arguments(ParameterBinding(self.parameter, data), {"SystemPropertiesArray": _as_json(properties)})


type Trigger = BlobTrigger | EventHubTrigger | QueueTrigger | TimerTrigger


def read_triggers(functions: Iterable[RpcFunctionMetadata], settings: Mapping[str, str]) -> tuple[Trigger, ...]:
    """Read the triggers of all functions from the app's index.

    Raises:
        HostError: A function has other bindings, its own retry policy, a blob content binding, a schedule that is not
            supported, or names a setting that doesn't exist.

    """
    return tuple(_read_trigger(function, settings) for function in functions)


def _read_trigger(function: RpcFunctionMetadata, settings: Mapping[str, str]) -> Trigger:
    bindings = [json.loads(binding) for binding in function.raw_bindings]
    kinds = [binding["type"] for binding in bindings]
    if function.retry_options is not None:
        raise HostError(f"function {function.name}: this host serves no retry policies")
    if kinds == ["blobTrigger"]:
        return _read_blob_trigger(function, bindings[0], settings)
    if kinds == ["timerTrigger"]:
        return _read_timer_trigger(function, bindings[0], settings)
    if kinds == ["queueTrigger"]:
        return _read_queue_trigger(function, bindings[0], settings)
    if kinds == ["eventHubTrigger"]:
        return _read_event_hub_trigger(function, bindings[0], settings)
    raise HostError(
        f"function {function.name} has the bindings {', '.join(kinds)}: this host serves functions with one "
        "blobTrigger, eventHubTrigger, queueTrigger or timerTrigger and no other binding"
    )


def _read_blob_trigger(
    function: RpcFunctionMetadata, binding: Mapping[str, object], settings: Mapping[str, str]
) -> BlobTrigger:
    if binding.get("properties") != {"SupportsDeferredBinding": True}:
        raise HostError(
            f"function {function.name} binds the blob's content: this host serves SDK types, which take its name"
        )
    path = _fill_in(str(binding["path"]), function.name, settings)
    container, slash, names = path.partition("/")
    if "{" in container:
        raise HostError(f"function {function.name}: path {path!r} has a placeholder for its container")
    return BlobTrigger(
        function=function.name,
        function_id=function.function_id,
        disabled=_is_disabled(function.name, settings),
        parameter=str(binding["name"]),
        path=path,
        container=container,
        pattern=_compile_pattern(names) if slash else re.compile(".*", re.DOTALL),
        connection=str(binding["connection"]),
        source=str(binding.get("source") or "LogsAndContainerScan"),
    )


def _compile_pattern(names: str) -> re.Pattern[str]:
    # split returns literals at even positions and the placeholders' names at odd ones
    parts = enumerate(_PLACEHOLDER.split(names))
    return re.compile("".join(f"(?P<{part}>.*)" if index % 2 else re.escape(part) for index, part in parts), re.DOTALL)


def _read_timer_trigger(
    function: RpcFunctionMetadata, binding: Mapping[str, object], settings: Mapping[str, str]
) -> TimerTrigger:
    try:
        schedule = Schedule.parse(_fill_in(str(binding["schedule"]), function.name, settings))
        schedule.find_next(datetime.now(UTC))
    except ValueError as error:
        raise HostError(f"function {function.name}: {error}") from error
    return TimerTrigger(
        function=function.name,
        function_id=function.function_id,
        disabled=_is_disabled(function.name, settings),
        parameter=str(binding["name"]),
        schedule=schedule,
        run_on_startup=binding.get("runOnStartup") is True,
    )


def _read_queue_trigger(
    function: RpcFunctionMetadata, binding: Mapping[str, object], settings: Mapping[str, str]
) -> QueueTrigger:
    return QueueTrigger(
        function=function.name,
        function_id=function.function_id,
        disabled=_is_disabled(function.name, settings),
        parameter=str(binding["name"]),
        queue=_fill_in(str(binding["queueName"]), function.name, settings),
        connection=str(binding["connection"]),
    )


def _read_event_hub_trigger(
    function: RpcFunctionMetadata, binding: Mapping[str, object], settings: Mapping[str, str]
) -> EventHubTrigger:
    if str(binding.get("cardinality")).lower() != "many":
        raise HostError(f"function {function.name} takes one event: this host serves those that take many")
    return EventHubTrigger(
        function=function.name,
        function_id=function.function_id,
        disabled=_is_disabled(function.name, settings),
        parameter=str(binding["name"]),
        hub=_fill_in(str(binding["eventHubName"]), function.name, settings),
        consumer_group=_fill_in(str(binding.get("consumerGroup") or "$Default"), function.name, settings),
        connection=str(binding["connection"]),
    )


def _fill_in(text: str, function: str, settings: Mapping[str, str]) -> str:
    """Replace each `%NAME%` by the app setting of that name, as the host does."""

    def value(match: re.Match[str]) -> str:
        if match[1] not in settings:
            raise HostError(f"function {function}: {text!r} names {match[1]}, which is no app setting")
        return settings[match[1]]

    return _SETTING.sub(value, text)


def _is_disabled(function: str, settings: Mapping[str, str]) -> bool:
    names = (f"AzureWebJobs.{function}.Disabled", f"AzureWebJobs_{function}_Disabled")
    return any(settings.get(name, "").lower() in {"1", "true"} for name in names)


def _as_json(value: object) -> TypedData:
    return TypedData(json=json.dumps(value))
