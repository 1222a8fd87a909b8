"""The action ``quarantine replay``: another try with this version."""

import argparse
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Final

from flowlog_core.adapters.storage.quarantine_store import quarantine_store
from flowlog_core.cli.input.arguments import Subparsers, add_command, read_settings
from flowlog_core.cli.output.command_log import CommandLog
from flowlog_core.cli.output.plain_text import counted
from flowlog_core.cli.output.progress import progress
from flowlog_core.cli.output.streams import OUT, complain
from flowlog_core.cli.output.terminal import confirmed
from flowlog_core.cli.quarantine.item_selection import (
    add_item_selection,
    add_names,
    item_selection,
    items_by_name,
    selects,
)
from flowlog_core.errors import UsageError
from flowlog_core.operations.ports import QuarantineStore
from flowlog_core.operations.quarantine.listing import Stored, UnreadableItem, listed_items, select_items
from flowlog_core.operations.quarantine.replay import Recovered, Recovery, RecoveryOptions
from flowlog_core.settings import Settings
from flowlog_core.wiring import Services, connect

ALL_SENT: Final = 0
SOME_REMAIN: Final = 1

_MOST_TOLD: Final = 20

_EXAMPLES: Final = """\
examples:
  flowlog quarantine replay --dry-run
  flowlog quarantine replay --since '1d ago' --reason 'version 5'
  flowlog quarantine replay --yes NAME NAME
  flowlog quarantine list --names --reason 'version 5' | xargs -r flowlog quarantine replay --yes --

Decodes items with this version, sends the flows that they now give, with the ids that these would
have had, in events whose property `replay` is `quarantine`, and deletes from quarantine what was
sent and acknowledged. Of a record of which some tuples were rejected only those are sent: the
others were, then. Of an item that can be decoded in part, the rest stays, under the same name.
An overflow item lists what came after a blob's first 1,000 items: its flows are read from the flow log.
Where its list is coarse, flows that were sent before come again, with the same ids; replay says so.
Left alone and named is an item whose name and content disagree, or whose blob the app would not
forward: somebody else has put it there.

exit status: 0 all was sent, or nothing was there; 1 something remains; 2 it could not be done, or
not to the end: what was sent is told, and replaying again goes on with the rest
"""


def add_replay(actions: Subparsers) -> None:
    """Add the action."""
    parser = add_command(
        actions,
        "replay",
        summary="decode again, and send what can be decoded now",
        description="Decode items again and send the flows that they now give: all items, a selection, or by name.",
        epilog=_EXAMPLES,
    )
    parser.set_defaults(run=_replay)
    add_names(parser)
    add_item_selection(parser)
    parser.add_argument("--dry-run", action="store_true", help="only tell what would be sent; write nothing anywhere")
    parser.add_argument("--keep", action="store_true", help="send, and leave quarantine as it is")
    parser.add_argument("--yes", action="store_true", help="delete what was sent without a question")
    parser.add_argument("--json", action="store_true", help="print one JSON document")


@dataclass(slots=True)
class _Done:
    """What was done so far."""

    items: int = 0
    flows: int = 0
    remaining: int = 0
    remains: int = 0

    def fields(self) -> dict[str, object]:
        """Give it for JSON."""
        totals = {"items": self.items, "flows": self.flows, "remainingItems": self.remaining, "remains": self.remains}
        return {"totals": totals}


def _replay(options: argparse.Namespace) -> int:
    if options.names and selects(options):
        raise UsageError("say either the names of items or what selects them")
    settings = read_settings(options)
    chosen = item_selection(options, settings)
    services = connect(settings, CommandLog(verbose=options.verbose))
    store = quarantine_store(settings.state)
    with closing(services.sink):
        count = len(options.names) or sum(1 for _ in listed_items(store, chosen))
        if count and not _agreed(count, settings, options):
            return SOME_REMAIN
        named, selected = items_by_name(store, options.names), select_items(store, chosen)
        return _recover(named if options.names else selected, _recovery(services, store, settings, options), options)


def _agreed(count: int, settings: Settings, options: argparse.Namespace) -> bool:
    """Ask, where something is going to be deleted."""
    at_most = "at most " if options.reason else ""
    question = (
        f"Send what can be decoded of {at_most}{counted(count, 'item')} to {settings.event_hub.destination}, "
        "and delete it from quarantine?"
    )
    return options.dry_run or options.keep or confirmed(question, yes=options.yes)


def _recovery(services: Services, store: QuarantineStore, settings: Settings, options: argparse.Namespace) -> Recovery:
    forward = settings.forward
    return Recovery(
        services.forward_ports,
        store=store,
        checkpoints=services.checkpoints,
        options=RecoveryOptions(
            events=forward.events,
            partition_by=forward.partition_by,
            patience=forward.run_seconds,
            send=not options.dry_run,
            keep=options.keep,
        ),
    )


def _recover(found: Iterable[Stored | UnreadableItem], recovery: Recovery, options: argparse.Namespace) -> int:
    """Recover one item after the other; what was done is told even where that ends early."""
    done = _Done()
    try:
        with progress() as tell:
            recovered = _recovered(found, recovery, done, tell)
            if options.json:
                OUT.write_json_rows("items", map(_fields, recovered), done.fields)
            else:
                _tell_remaining((each for each in recovered if each.remains), None if options.verbose else _MOST_TOLD)
    except BaseException:
        complain(f"not done to the end; so far {_summary(done, options)}")
        raise
    if not options.json:
        OUT.write_line(_summary(done, options))
    return SOME_REMAIN if done.remaining else ALL_SENT


def _tell_remaining(remaining: Iterable[Recovered], most: int | None) -> None:
    """Name what remains, up to so many; the summary counts all of them, and --verbose names them."""
    for number, each in enumerate(remaining):
        if most is None or number < most:
            OUT.write_line(f"remains: {each.reason}: {each.name}")
        elif number == most:
            OUT.write_line("remains: more; --verbose names them, and so does `flowlog quarantine list`")


def _summary(done: _Done, options: argparse.Namespace) -> str:
    sent = "would be sent" if options.dry_run else "sent"
    remains = f"{done.remains:,} records and tuples of {counted(done.remaining, 'item')}"
    return f"{counted(done.items, 'item')}: {counted(done.flows, 'flow')} {sent}; remains: {remains}"


def _recovered(
    found: Iterable[Stored | UnreadableItem], recovery: Recovery, done: _Done, tell: Callable[[str], None]
) -> Iterator[Recovered]:
    for each in found:
        one = Recovered(each.name, 0, 1, each.reason) if isinstance(each, UnreadableItem) else recovery.recover(each)
        if one.repeats:
            complain(f"{one.name}: its list is coarse, so flows that were sent before come again, with the same ids")
        done.items += 1
        done.flows += one.flows
        done.remains += one.remains
        done.remaining += one.remains > 0
        tell(f"{done.items:,} items, {done.flows:,} flows")
        yield one


def _fields(one: Recovered) -> dict[str, object]:
    return {"name": one.name, "flows": one.flows, "remains": one.remains, "reason": one.reason, "repeats": one.repeats}
