"""The files beside function_app.py in an app's folder: host.json and local.settings.json."""

import json
import os
from dataclasses import dataclass
from pathlib import Path


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


def read_blob_limits(app_folder: Path) -> BlobLimits:
    """Read `extensions.blobs` of host.json; defaults as documented: 8 a processor at a time, 5 attempts.

    Raises:
        HostError: There is no host.json, it is no JSON object, or a limit is no integer from 1.

    """
    blobs = _read_member(_read_member(_read_object(app_folder / "host.json"), "extensions"), "blobs")
    limits: list[int] = []
    for name, default in (("maxDegreeOfParallelism", 8 * (os.cpu_count() or 1)), ("poisonBlobThreshold", 5)):
        value = blobs.get(name, default)
        if type(value) is not int or value < 1:
            raise HostError(f"host.json: extensions.blobs.{name} is {value!r}, not an integer from 1")
        limits.append(value)
    return BlobLimits(*limits)


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
