"""Arguments that several commands share: times, durations, keys, and where the settings come from."""

import argparse
import json
import os
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from flowlog_core.connections import StorageConnection
from flowlog_core.errors import FieldsError, UsageError
from flowlog_core.flow.schemas.flow_1 import select_fields
from flowlog_core.forwarding.listing import Selection, hour_of
from flowlog_core.settings import Settings, storage_connections

_UNITS: Final = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
_DURATION: Final = re.compile(r"(\d{1,6})\s*([smhdw])", re.ASCII)
_AGO: Final = re.compile(r"(.+?)\s+ago")


type Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 # argparse has no public name for it


def add_command(
    commands: Subparsers, name: str, *, summary: str, description: str, epilog: str
) -> argparse.ArgumentParser:
    """Add a command's parser, with ``--verbose``; `epilog` has its examples and exit status, kept as written."""
    parser = commands.add_parser(
        name,
        help=summary,
        description=description,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--verbose", action="store_true", help="tell more, and show where an error came from")
    return parser


def add_settings(parser: argparse.ArgumentParser) -> None:
    """Add ``--settings FILE``, for commands that work on the app's accounts."""
    parser.add_argument(
        "--settings",
        type=Path,
        metavar="FILE",
        help="take the app's settings from this file too: local.settings.json, or the output of "
        "`az functionapp config appsettings list`; the environment has precedence",
    )


def add_span(parser: argparse.ArgumentParser, *, required: bool = True, since: str | None = None) -> None:
    """Add ``--since`` and ``--until``, and what else selects blobs: ``--source``, ``--container``, ``--prefix``."""
    times = "UTC: 2026-11-20T23:00, or '2h ago'"
    parser.add_argument("--since", type=point_in_time, required=required, default=since, metavar="TIME", help=times)
    parser.add_argument("--until", type=point_in_time, default="now", metavar="TIME", help="default: now")
    parser.add_argument("--source", action="append", metavar="NAME", help="only of this connection of FLOWLOG_SOURCES")
    parser.add_argument("--container", action="append", metavar="NAME", help="only of this container")
    parser.add_argument("--prefix", type=_prefix, default="", help="only blobs whose names begin so")


def add_max_lag(parser: argparse.ArgumentParser) -> None:
    """Add ``--max-lag``."""
    parser.add_argument(
        "--max-lag", type=duration, default="10m", metavar="DURATION", help="how long a blob may wait (default: 10m)"
    )


def read_settings(options: argparse.Namespace) -> Settings:
    """Read the app's settings from the environment and from ``--settings``.

    On a person's machine there is no managed identity: whatever the settings name, the person's own sign-in is used.

    Raises:
        SettingsError: Some are missing or wrong.
        UsageError: The file can't be read.

    """
    return Settings.read(_own(options), strict=True)


def read_connections(options: argparse.Namespace) -> tuple[StorageConnection, ...]:
    """Read the connections to source accounts that there are, where no other setting is needed; as `read_settings`.

    Raises:
        SettingsError: Some are wrong.
        UsageError: The file can't be read.

    """
    return storage_connections(_own(options))


def selection(options: argparse.Namespace, settings: Settings) -> Selection:
    """Give what ``--since`` and the others select: whole hours, from the one of `since` to the one of `until`.

    Raises:
        UsageError: They select nothing that the settings know.

    """
    since, until = hour_of(options.since), options.until
    if until <= since:
        raise UsageError("--until is not after --since")
    sources = {source.name: source.account for source in settings.sources}
    unknown = [name for name in options.source or () if name not in sources]
    if unknown:
        raise UsageError(f"--source {unknown[0]}: FLOWLOG_SOURCES has {', '.join(sources)}")
    strange = [name for name in options.container or () if name not in settings.containers]
    if strange:
        raise UsageError(f"--container {strange[0]}: FLOWLOG_CONTAINERS has {', '.join(settings.containers)}")
    accounts = [sources[name] for name in options.source or sources]
    containers = options.container or settings.containers
    places = tuple((account, container) for account in accounts for container in containers)
    return Selection(places, since, until, options.prefix)


def point_in_time(text: str) -> datetime:
    """Read a time: ISO 8601 (UTC where it has no zone), ``2h ago``, or ``now``."""
    now = datetime.now(UTC)
    if text == "now":
        return now
    ago = _AGO.fullmatch(text.strip())
    if ago is not None:
        try:
            return now - duration(ago[1])
        except OverflowError:
            raise argparse.ArgumentTypeError(f"{text!r} is before all time") from None
    try:
        time = datetime.fromisoformat(text)
        return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except OverflowError:
        raise argparse.ArgumentTypeError(f"{text!r} is no time of the calendar once it is UTC") from None
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"takes a UTC time such as 2026-11-20T23:00, or '2h ago', not {text!r}"
        ) from None


def is_text(argument: str) -> bool:
    """Say whether an argument is text: what the shell passes on that is no UTF-8 can be a file's name alone."""
    return not any("\ud800" <= character <= "\udfff" for character in argument)


def _prefix(text: str) -> str:
    if not is_text(text):
        raise argparse.ArgumentTypeError(f"takes the beginning of a name, not {text!r}")
    return text


def duration(text: str) -> timedelta:
    """Read a duration: ``90s``, ``15m``, ``2h``, ``3d`` or ``1w``."""
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise argparse.ArgumentTypeError(f"takes a duration such as 90s, 15m, 2h or 3d, not {text!r}")
    return int(match[1]) * _UNITS[match[2]]


def number(least: int, most: int) -> Callable[[str], int]:
    """Make the reader of a whole number in these limits."""

    def read(text: str) -> int:
        if not (text.isascii() and text.isdigit() and least <= int(text) <= most):
            raise argparse.ArgumentTypeError(f"takes a whole number from {least} to {most}, not {text!r}")
        return int(text)

    return read


def fields(text: str) -> tuple[str, ...]:
    """Read a choice of keys, as the setting FLOWLOG_FIELDS."""
    try:
        return select_fields(text)
    except FieldsError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _own(options: argparse.Namespace) -> dict[str, str]:
    values = {**(_values(options.settings) if options.settings else {}), **os.environ}
    return {key: value for key, value in values.items() if not key.endswith(("__credential", "__clientId"))}


def _values(file: Path) -> Mapping[str, str]:
    """Read settings from a file in one of the two forms in which they are kept or shown."""
    try:
        document = json.loads(file.read_bytes())
        if isinstance(document, list):
            return {entry["name"]: entry["value"] or "" for entry in document}
        return {key: str(value) for key, value in document["Values"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no settings file"
        raise UsageError(f"{file}: {reason}") from None
