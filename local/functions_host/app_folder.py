"""The files beside function_app.py in an app's folder: host.json and local.settings.json."""

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_TIME: Final = re.compile(r"(\d\d):(\d\d):(\d\d)", re.ASCII)


class HostError(RuntimeError):
    """The app can't be served; the message says why.

    Attributes:
        stack: The stack trace of what the app raised; empty where there is none.

    """

    def __init__(self, message: str, stack: str = "") -> None:
        super().__init__(message)
        self.stack = stack


@dataclass(frozen=True, slots=True)
class BlobLimits:
    """The limits that host.json sets for all blob functions of the app together.

    Attributes:
        parallel: How many run at a time.
        attempts: Number of attempts at an event before it counts as poison.

    """

    parallel: int
    attempts: int


@dataclass(frozen=True, slots=True)
class QueueLimits:
    """What host.json sets for each queue function of the app.

    Attributes:
        batch_size: How many messages are fetched at once.
        new_batch_threshold: The next batch is fetched when so many messages, or fewer, are being served.
        attempts: Number of attempts at a message before it counts as poison.
        encoding: Of messages: ``base64`` or ``none``.

    """

    batch_size: int
    new_batch_threshold: int
    attempts: int
    encoding: str


@dataclass(frozen=True, slots=True)
class EventHubLimits:
    """What host.json sets for each event hub function of the app; it is called for one partition's events at a time.

    Attributes:
        most: Number of events of a call at most.
        least: A call waits for so many events.
        wait_seconds: For so long at most.
        prefetch: Number of events that are fetched ahead.

    """

    most: int
    least: int
    wait_seconds: float
    prefetch: int


def read_blob_limits(app_folder: Path) -> BlobLimits:
    """Read `extensions.blobs` of host.json; defaults as documented: 8 a processor at a time, 5 attempts.

    Raises:
        HostError: There is no host.json, it is no JSON object, or a limit is no integer from 1.

    """
    blobs = _read_extension(app_folder, "blobs")
    return BlobLimits(
        parallel=_read_limit(blobs, "blobs.maxDegreeOfParallelism", default=8 * (os.cpu_count() or 1)),
        attempts=_read_limit(blobs, "blobs.poisonBlobThreshold", default=5),
    )


def read_queue_limits(app_folder: Path) -> QueueLimits:
    """Read `extensions.queues` of host.json; defaults as documented.

    Raises:
        HostError: As `read_blob_limits`, or the encoding is neither.

    """
    queues = _read_extension(app_folder, "queues")
    batch_size = _read_limit(queues, "queues.batchSize", default=16)
    encoding = queues.get("messageEncoding", "base64")
    if encoding not in {"base64", "none"}:
        raise HostError(f"host.json: extensions.queues.messageEncoding is {encoding!r}, not base64 or none")
    return QueueLimits(
        batch_size=batch_size,
        new_batch_threshold=_read_limit(
            queues, "queues.newBatchThreshold", default=batch_size * (os.cpu_count() or 1) // 2, least=0
        ),
        attempts=_read_limit(queues, "queues.maxDequeueCount", default=5),
        encoding=str(encoding),
    )


def read_event_hub_limits(app_folder: Path) -> EventHubLimits:
    """Read `extensions.eventHubs` of host.json; defaults as documented.

    Raises:
        HostError: As `read_blob_limits`, the wait is no time, or the least number of events exceeds the most.

    """
    hubs = _read_extension(app_folder, "eventHubs")
    limits = EventHubLimits(
        most=_read_limit(hubs, "eventHubs.maxEventBatchSize", default=100),
        least=_read_limit(hubs, "eventHubs.minEventBatchSize", default=1),
        wait_seconds=_read_seconds(hubs, "eventHubs.maxWaitTime", default="00:01:00"),
        prefetch=_read_limit(hubs, "eventHubs.prefetchCount", default=300),
    )
    if limits.least > limits.most:
        raise HostError(f"host.json: extensions.eventHubs.minEventBatchSize is {limits.least}, more than {limits.most}")
    return limits


def _read_extension(app_folder: Path, name: str) -> dict[str, object]:
    return _read_member(_read_member(_read_object(app_folder / "host.json"), "extensions"), name)


def _read_limit(extension: dict[str, object], path: str, *, default: int, least: int = 1) -> int:
    value = extension.get(path.partition(".")[2], default)
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise HostError(f"host.json: extensions.{path} is {value!r}, not an integer from {least}")
    return value


def _read_seconds(extension: dict[str, object], path: str, *, default: str) -> float:
    value = extension.get(path.partition(".")[2], default)
    time = _TIME.fullmatch(value) if isinstance(value, str) else None
    if time is None:
        raise HostError(f"host.json: extensions.{path} is {value!r}, not a time such as 00:01:00")
    hours, minutes, seconds = map(int, time.groups())
    return hours * 3600.0 + minutes * 60 + seconds


def read_local_settings(file: Path) -> dict[str, str]:
    """Read the app settings (`Values`) of a local.settings.json.

    Raises:
        HostError: The file can't be read, its values are encrypted, or one is no string.

    """
    content = _read_object(file)
    if content.get("IsEncrypted"):
        raise HostError(f"{file.name}: its values are encrypted, which only Core Tools can read")
    values = _read_member(content, "Values")
    wrong = sorted(name for name, value in values.items() if not isinstance(value, str))
    if wrong:
        raise HostError(f"{file.name}: these values are no strings: {', '.join(wrong)}")
    return {name: str(value) for name, value in values.items()}


def _read_object(file: Path) -> dict[str, object]:
    try:
        content = json.loads(file.read_bytes())
    except OSError as error:
        raise HostError(f"can't read {file}: {error.strerror}") from error
    except ValueError as error:
        raise HostError(f"{file} is no JSON: {error}") from error
    if not isinstance(content, dict):
        raise HostError(f"{file} holds no JSON object")
    return content


def _read_member(parent: dict[str, object], name: str) -> dict[str, object]:
    value = parent.get(name, {})
    if not isinstance(value, dict):
        raise HostError(f"{name!r} is {value!r}, not a JSON object")
    return value
