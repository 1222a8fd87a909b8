"""The command ``status``: how far forwarding has come, and which blobs wait too long."""

import argparse
from datetime import UTC, datetime
from typing import Final

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
from flowlog_core.cli.output.rows import SOURCE_HOUR_COLUMNS, by_source_hour, none_found, utc
from flowlog_core.cli.output.streams import OUT, complain
from flowlog_core.cli.output.terminal import console, lasting, show, sized, table
from flowlog_core.forwarding.listing import Selection
from flowlog_core.operations.status.status import Status, StatusRow, status
from flowlog_core.settings import Settings
from flowlog_core.wiring import connect

ALL_WELL: Final = 0
NOT_WELL: Final = 1
NOT_DONE: Final = 2

_EXAMPLES: Final = """\
examples:
  flowlog status
  flowlog status --settings local.settings.json --since '2d ago' --max-lag 20m
  flowlog status --since 2026-11-20T00:00 --until 2026-11-21T00:00 --json

A blob is behind where it has no checkpoint, is not the one that the checkpoint saw, or was not
read to its end. LAG is the time since the one that waits longest was last appended to; GENERATIONS
counts blobs that were found rewritten. Nothing is written anywhere. A checkpoint is deleted some days
after its last change (deployed: 37): a blob that is older than that looks as if never forwarded.

A container is silent where its newest blob is older than FLOWLOG_SILENT_MINUTES: of those listed here,
and of those that the app's sweeps saw. It is not looked for with --prefix, or an --until in the past.

exit status: 0 nothing waits for longer than --max-lag; 1 something does, or a container is silent;
2 it could not be told, or there is no flow log at all
"""
_COLUMNS: Final = (
    *SOURCE_HOUR_COLUMNS,
    ("blobs", "right"),
    ("appended", "right"),
    ("forwarded", "right"),
    ("behind", "right"),
    ("lag", "right"),
    ("generations", "right"),
    ("quarantined", "right"),
)


def add(commands: Subparsers) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "status",
        summary="tell how far forwarding has come",
        description="Tell, hour by hour, what was appended to the flow logs and what of it was forwarded, and name "
        "the blobs that wait too long.",
        epilog=_EXAMPLES,
    )
    parser.set_defaults(run=_status)
    add_settings(parser)
    add_span(parser, required=False, since="3h ago")
    add_max_lag(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON document instead of a table")


def _status(options: argparse.Namespace) -> int:
    settings = read_settings(options)
    chosen = selection(options, settings)
    services = connect(settings, CommandLog(verbose=options.verbose))
    with progress() as tell:
        made = status(
            listing=services.listing,
            checkpoints=services.checkpoints,
            selection=chosen,
            first_hour=services.first_hour(settings.forward.start),
            now=datetime.now(UTC),
            max_lag=options.max_lag,
            silent_minutes=settings.sweep.silent_minutes,
            seen=lambda blobs: tell(f"{blobs:,} blobs looked at"),
        )
    if options.json:
        OUT.write_json(_document(made, chosen, settings, options))
    else:
        _print(made, settings, options)
    if made.found_none:
        complain(none_found(chosen))
        return NOT_DONE
    return NOT_WELL if made.late or made.silent else ALL_WELL


def _print(made: Status, settings: Settings, options: argparse.Namespace) -> None:
    out = console()
    shown = table(_COLUMNS)
    for source_hour, row in by_source_hour(made.rows, settings):
        shown.add_row(*source_hour.cells(), *_cells(row))
    shown.add_row("all", "", "", *_cells(made.total), style="bold")
    show(out, shown)
    if made.total.left_alone:
        out.print(f"left alone, being of hours before FLOWLOG_START: {made.total.left_alone:,} blob(s)", soft_wrap=True)
    for late in made.latest:
        text = f"behind by {sized(late.pending_bytes)} for {lasting(late.lag)}: {safe_line(late.path)}"
        out.print(text, soft_wrap=True)
    if made.late > len(made.latest):
        out.print(
            f"and {made.late - len(made.latest):,} more wait longer than {lasting(options.max_lag.total_seconds())}"
        )
    for account, container in made.silent:
        text = f"silent for {lasting(made.silent_seconds[account, container])}: {safe_line(f'{account}/{container}')}"
        out.print(f"{text}; see docs/operations.md, silent sources", soft_wrap=True)


def _cells(row: StatusRow) -> list[str]:
    return [
        f"{row.blobs:,}",
        sized(row.appended),
        sized(row.forwarded),
        sized(row.pending_bytes),
        lasting(row.lag) if row.waiting else "-",
        f"{row.rewritten:,}",
        f"{row.quarantined:,}",
    ]


def _document(made: Status, chosen: Selection, settings: Settings, options: argparse.Namespace) -> dict[str, object]:
    return {
        "since": utc(chosen.since),
        "until": utc(chosen.until),
        "maxLagSeconds": options.max_lag.total_seconds(),
        "rows": [{**key.fields(), **_figures(row)} for key, row in by_source_hour(made.rows, settings)],
        "total": _figures(made.total),
        "late": made.late,
        "silent": len(made.silent),
        "silentSeconds": {
            f"{account}/{container}": round(seconds) for (account, container), seconds in made.silent_seconds.items()
        },
        "latest": [{"blob": one.path, "lagSeconds": one.lag, "behindBytes": one.pending_bytes} for one in made.latest],
    }


def _figures(row: StatusRow) -> dict[str, object]:
    return {
        "blobs": row.blobs,
        "appendedBytes": row.appended,
        "forwardedBytes": row.forwarded,
        "behindBytes": row.pending_bytes,
        "waiting": row.waiting,
        "lagSeconds": round(row.lag, 3),
        "generations": row.rewritten,
        "quarantined": row.quarantined,
        "leftAlone": row.left_alone,
    }
