"""Which items in quarantine a command is about: those of a selection, or some by name."""

import argparse
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote, unquote

from flowlog_core.cli.input.arguments import add_settings, add_span, is_text, selection
from flowlog_core.cli.output.plain_text import redacted
from flowlog_core.errors import ItemGoneError, UsageError
from flowlog_core.operations.ports import QuarantineStore
from flowlog_core.operations.quarantine.listing import ItemSelection, Stored, UnreadableItem, read_item
from flowlog_core.settings import Settings

_KEPT: Final = "/="  # beside letters, digits and -._~
_BEGINNING: Final = datetime(2016, 1, 1, tzinfo=UTC)  # before there were flow logs


def add_item_selection(parser: argparse.ArgumentParser) -> None:
    """Add what selects items: the hours and names of their blobs, and the reason."""
    add_settings(parser)
    add_span(parser, required=False)
    parser.add_argument(
        "--reason", default="", metavar="TEXT", help="only items with this in a reason, in small or capital letters"
    )


def add_names(parser: argparse.ArgumentParser) -> None:
    """Add names of items."""
    parser.add_argument(
        "names", nargs="*", type=_name, metavar="NAME", help="name of an item, as `list --names` writes it"
    )


def written_name(name: str) -> str:
    """Write an item's name so that no shell and no xargs takes a part of it for something else; `add_names` reads it.

    All but letters, digits and ``/=-._~`` are percent-encoded, as in a URL.
    """
    return quote(redacted(name), safe=_KEPT)


def item_selection(options: argparse.Namespace, settings: Settings) -> ItemSelection:
    """Give what ``--since`` and the others select; without ``--since`` all hours.

    Raises:
        UsageError: They select nothing that the settings know.

    """
    since = options.since or _BEGINNING
    chosen = selection(argparse.Namespace(**{**vars(options), "since": since}), settings)
    first = chosen.since if options.since else None
    return ItemSelection(chosen.containers, chosen.prefix, first, chosen.until, options.reason)


def selects(options: argparse.Namespace) -> bool:
    """Say whether anything of `add_item_selection` was given."""
    return any((options.since, options.source, options.container, options.prefix, options.reason))


def items_by_name(store: QuarantineStore, names: Iterable[str]) -> Iterator[Stored | UnreadableItem]:
    """Read items by their names; one that is not there can't be read.

    Raises:
        StorageError: Quarantine can't be read.

    """
    for name in names:
        try:
            yield read_item(store, name)
        except ItemGoneError as error:
            yield UnreadableItem(name, str(error))


def parse_path(path: str) -> tuple[str, str, str]:
    """Split ``account/container/name``.

    Raises:
        UsageError: It has fewer parts.

    """
    account, _, rest = path.partition("/")
    container, _, name = rest.partition("/")
    if not (account and container and name) or not is_text(path):
        raise UsageError(f"{path}: takes account/container/name of a blob")
    return account, container, name


def _name(text: str) -> str:
    try:
        name = unquote(text, errors="strict")
    except UnicodeDecodeError:
        name = None
    if name is None or not is_text(name):
        raise argparse.ArgumentTypeError(f"takes a name as `list --names` writes it, not {text!r}")
    return name
