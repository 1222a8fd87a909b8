"""The command ``audit``: prove from the hub's events that flow logs were forwarded completely."""

import argparse
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final

from flowlog_core.adapters.event_hubs.reader import DEFAULT_GROUP, EventHubReader
from flowlog_core.adapters.storage.quarantine_store import quarantine_store
from flowlog_core.cli.input.arguments import (
    Subparsers,
    add_command,
    add_max_lag,
    add_settings,
    add_span,
    read_settings,
    selection,
)
from flowlog_core.cli.output.command_log import CommandLog
from flowlog_core.cli.output.plain_text import safe_line
from flowlog_core.cli.output.progress import progress
from flowlog_core.cli.output.rows import SOURCE_HOUR_COLUMNS, by_source_hour, utc
from flowlog_core.cli.output.streams import OUT
from flowlog_core.cli.output.terminal import console, joined, lasting, show, table
from flowlog_core.errors import UsageError
from flowlog_core.operations.audit.audit import AuditOptions, Stage, audit
from flowlog_core.operations.audit.report import AuditReport, AuditRow, Finding, Kind
from flowlog_core.settings import Settings
from flowlog_core.wiring import connect

PROVEN: Final = 0
SOMETHING_FOUND: Final = 1

_HELP: Final = """\
examples:
  flowlog audit --since '3h ago'
  flowlog audit --since 2026-11-20 --until 2026-11-21 --consumer-group audit
  flowlog audit --since '1d ago' --prefix flowLogResourceID=/0_NW/ --json
  flowlog audit --since '3h ago' --recount

Each event tells which bytes of which blob it accounts for. The audit reads checkpoints and the
listing, then the hub from --since to its end as of now, then quarantine, and holds them against each
other: the ranges of a blob must cover it without a gap up to its checkpoint, once, with as many flows,
and with as much in quarantine, as the checkpoint counts. The flows of each range and what of it is in
quarantine must be all the tuples that it holds, as its events say (those of 0.1.0 did not). With --recount
the source blobs are read as far as they were forwarded, and their tuples are counted anew. An audit can
run beside the app, and writes nothing.

gap            no event accounts for some bytes, and the hub still holds all of that time
repeat         several events account for the same bytes: after a crash, or a lost acknowledgement
count          events, checkpoint and source count differently, or a range's sum does not hold
body           an event does not hold the flows that it announces; it accounts for nothing
behind         a blob has waited to be forwarded for longer than --max-lag
not provable   what the proof needs is gone: events that the hub let go of by age, or items that
               somebody took out of quarantine or that were deleted there by age

The proof trusts whoever may send to the hub. Each event's body is compared with what its properties
announce (how many flows, their keys and ids), but one that such a sender has made well can't be told
from the forwarder's.

Reading takes the right to listen on the hub (Azure Event Hubs Data Receiver), and no place of another
reader; about 1.5 kB of memory for each blob of the span, and 6 seconds of processor time for each
million flows. With --recount also the right to read the source blobs, and a request for each 4 MiB.

exit status: 0 proven; 1 something was found; 2 the audit could not be done
"""
_REMEDIES: Final[Mapping[Kind, str]] = {
    Kind.GAP: "lost flows can be sent again: flowlog backfill --replay LABEL",
    Kind.REPEAT: "flows that came again have the same ids: a consumer can drop them by `id`",
    Kind.COUNT: "events and checkpoints are of different software, or somebody else sends to this hub",
    Kind.BODY: "somebody else sends to this hub, or events were changed on their way: see who may send there",
    Kind.BEHIND: "the sweep, or flowlog backfill, forwards what waits; see docs/operations.md, lag",
    Kind.NOT_PROVABLE: "what is gone by age can't be proven any more: audit sooner, or let the hub keep events longer",
}
_FIGURES: Final = ("blobs", "complete", "events", "flows", "repeats", "gaps", "not provable")
_STAGES: Final[Mapping[Stage, str]] = {
    "listed": "blobs listed",
    "received": "events read",
    "judged": "blobs judged",
    "recounted": "bytes counted anew",
}


def add(commands: Subparsers) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "audit",
        summary="prove that everything was forwarded",
        description="Prove from the events on the hub that the flow logs of a span of time were forwarded completely.",
        epilog=_HELP,
    )
    parser.set_defaults(run=_audit)
    add_settings(parser)
    add_span(parser)
    parser.add_argument(
        "--consumer-group", default=DEFAULT_GROUP, metavar="NAME", help=f"to read by (default: {DEFAULT_GROUP})"
    )
    add_max_lag(parser)
    parser.add_argument("--recount", action="store_true", help="read the source blobs, and count their tuples anew")
    parser.add_argument("--json", action="store_true", help="print one JSON document instead of a table")


def _audit(options: argparse.Namespace) -> int:
    settings = read_settings(options)
    chosen = selection(options, settings)
    services = connect(settings, CommandLog(verbose=options.verbose))
    now = datetime.now(UTC)
    with progress() as tell:
        report = audit(
            listing=services.listing,
            checkpoints=services.checkpoints,
            reader=EventHubReader(settings.event_hub, options.consumer_group),
            quarantine=quarantine_store(settings.state),
            options=AuditOptions(
                selection=chosen,
                first_hour=services.first_hour(settings.forward.start),
                now=now,
                max_lag=options.max_lag,
                keyed=settings.forward.partition_by == "mac",
            ),
            tell=lambda stage, count: tell(f"{count:,} {_STAGES[stage]}"),
            source=services.source if options.recount else None,
        )
    if report.proven and not report.total.blobs:
        raise UsageError("nothing to prove: no flow log of this span was to be forwarded; check what was asked for")
    if options.json:
        byte_range = {"since": utc(chosen.since), "until": utc(chosen.until), "now": utc(now)}
        OUT.write_json({**byte_range, **_document(report, settings)})
    else:
        _print(report, settings, options)
    return PROVEN if report.proven else SOMETHING_FOUND


def _print(report: AuditReport, settings: Settings, options: argparse.Namespace) -> None:
    out = console()

    def say(text: str) -> None:
        out.print(text, soft_wrap=True)

    shown = table([*SOURCE_HOUR_COLUMNS, *((name, "right") for name in _FIGURES)])
    for source_hour, row in by_source_hour(report.rows, settings):
        shown.add_row(*source_hour.cells(), *_cells(row))
    shown.add_row("all", "", "", *_cells(report.total), style="bold")
    show(out, shown)
    for finding in report.findings:
        say(safe_line(str(finding)))
    for kind, count in report.findings.more().items():
        say(f"{kind}: and {count:,} more")
    for kind in (kind for kind in Kind if report.findings.counts[kind]):
        say(_REMEDIES[kind])
    _say_beside(report, options, say)
    say(_verdict(report))


def _say_beside(report: AuditReport, options: argparse.Namespace, say: Callable[[str], None]) -> None:
    """Say what else there is, and is no fault."""
    total = report.total
    beside = {
        f"appended to within {lasting(options.max_lag.total_seconds())}, and not complete yet": total.under_way,
        "left alone, being of hours before FLOWLOG_START": total.left_alone,
        "events of replays and recoveries": report.replayed,
        "events of blobs that are not of this span, or deleted": report.outside,
        "events that are not the forwarder's": report.foreign,
        "tuples counted anew in the source blobs": report.recounted,
    }
    for text, count in beside.items():
        if count:
            say(f"{text}: {count:,}")


def _verdict(report: AuditReport) -> str:
    total = report.total
    if report.proven:
        return (
            f"Proven: {total.complete:,} of {total.blobs:,} blobs are complete on the hub, "
            f"with {total.flows:,} flows in "
            f"{total.events:,} events; no gap, no repeat."
        )
    counts = report.findings.counts
    return f"Not proven: {joined([f'{kind} ({counts[kind]:,})' for kind in Kind if counts[kind]])}."


def _cells(row: AuditRow) -> list[str]:
    figures = (row.blobs, row.complete, row.events, row.flows, row.repeats, row.gaps, row.not_provable)
    return [f"{figure:,}" for figure in figures]


def _document(report: AuditReport, settings: Settings) -> dict[str, object]:
    return {
        "proven": report.proven,
        "rows": [
            {**source_hour.fields(), **_figures(row)} for source_hour, row in by_source_hour(report.rows, settings)
        ],
        "total": _figures(report.total),
        "counts": {kind.value: report.findings.counts[kind] for kind in Kind},
        "findings": [_fields(finding) for finding in report.findings],
        "replayedEvents": report.replayed,
        "outsideEvents": report.outside,
        "foreignEvents": report.foreign,
        "recountedTuples": report.recounted,
    }


def _figures(row: AuditRow) -> dict[str, int]:
    return {
        "blobs": row.blobs,
        "whole": row.complete,
        "underWay": row.under_way,
        "behind": row.behind,
        "leftAlone": row.left_alone,
        "events": row.events,
        "flows": row.flows,
        "repeats": row.repeats,
        "gaps": row.gaps,
        "notProvable": row.not_provable,
    }


def _fields(finding: Finding) -> dict[str, object]:
    return {
        "kind": finding.kind.value,
        "blob": finding.blob,
        "generation": finding.generation,
        "replay": finding.replay,
        "ranges": [{"start": byte_range.start, "end": byte_range.end} for byte_range in finding.byte_ranges],
        "places": [{"partition": position.partition, "sequence": position.sequence} for position in finding.positions],
        "text": finding.text,
    }
