"""The command ``decode``: the flows of logs, and what would be put in quarantine."""

import argparse
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final, get_args

import orjson

from flowlog_core.adapters.storage.blob_url import BlobUrl
from flowlog_core.cli.input.arguments import Subparsers, add_command, add_settings, fields, read_connections
from flowlog_core.cli.input.flow_inputs import file_bytes, is_url
from flowlog_core.cli.output.flow_writers import FlowFormat, FlowWriter, flow_writer
from flowlog_core.cli.output.streams import ERR, complain
from flowlog_core.decode.log_reader import LogReader
from flowlog_core.errors import (
    BlobChangedError,
    BlobGoneError,
    BlobUrlError,
    NotAFlowLogError,
    StorageError,
    UsageError,
)
from flowlog_core.flow.formatter import Encoder
from flowlog_core.flow.schemas import SCHEMAS
from flowlog_core.flow.schemas.flow_1 import FLOW, flow_schema
from flowlog_core.source.blob import SourceBlob

ALL_DECODED: Final = 0
SOME_REJECTED: Final = 1
NOT_DONE: Final = 2

_EXAMPLES: Final = """\
examples:
  flowlog decode PT1H.json
  flowlog decode --fields time,srcIp,destIp,destPort,decision --format csv PT1H.json > flows.csv
  flowlog decode --schema ecs PT1H.json | jq .event.action
  flowlog decode --format table 'https://account.blob.core.windows.net/container/…/PT1H.json'
  az storage blob download … --file /dev/stdout | flowlog decode -

A blob's URL is read with the shared access signature that it brings along, else with the
connection of FLOWLOG_SOURCES to its account, else with your own sign-in (`az login`).

In CSV an apostrophe stands before each text that a spreadsheet would run as a formula.

exit status: 0 all was decoded; 1 something would be put in quarantine, or an input ends
inside a record; 2 wrong usage, an input that can't be read, or one that is no flow log
"""


def add(commands: Subparsers) -> None:
    """Add the command."""
    decode = add_command(
        commands,
        "decode",
        summary="print the flows of logs: files, or blobs by their URLs",
        description="Print flows on standard output, and what would be put in quarantine as JSON lines on standard "
        "error.",
        epilog=_EXAMPLES,
    )
    decode.set_defaults(run=_decode)
    decode.add_argument("files", nargs="+", metavar="FILE", help="a PT1H.json, a blob's URL, or - for standard input")
    decode.add_argument(
        "--format", choices=get_args(FlowFormat), default="ndjson", help="default: ndjson, one flow a line"
    )
    decode.add_argument(
        "--schema", choices=tuple(SCHEMAS), default="flow", help="what a flow looks like, as FLOWLOG_SCHEMA has it"
    )
    decode.add_argument(
        "--fields", type=fields, metavar="KEYS", help="+key,-key edits the default keys, key,key replaces them"
    )
    decode.add_argument(
        "--blob", metavar="NAME", help="account/container/name that ids are made from (default: the path as given)"
    )
    add_settings(decode)


def _decode(options: argparse.Namespace) -> int:
    schema = SCHEMAS[options.schema]
    if schema is not FLOW and (options.fields or options.format != "ndjson"):
        raise UsageError(f"--schema {options.schema} goes with --format ndjson, and without --fields")
    writer = flow_writer(options.format, options.fields)
    encoder = Encoder(flow_schema(writer.fields) if schema is FLOW else schema)
    statuses = [_decode_input(name, options, encoder, writer) for name in options.files]
    writer.close()
    return max(statuses)


def _decode_input(name: str, options: argparse.Namespace, encoder: Encoder, writer: FlowWriter) -> int:
    """Print one input's flows and rejects; complain where it can't be read."""
    shown = name.partition("?")[0] if is_url(name) else name  # what follows may be a secret
    try:
        if is_url(name):
            url = BlobUrl(name)
            blob, data = url.blob, url.bytes(read_connections(options))
        else:
            blob, data = SourceBlob.outside("stdin" if name == "-" else name), file_bytes(name)
        if options.blob:
            blob = SourceBlob.outside(options.blob)
        return _decode_log(blob, data, encoder, writer)
    except BrokenPipeError:
        raise
    except OSError as error:
        complain(f"{shown}: {error.strerror or error}")
    except NotAFlowLogError as error:
        complain(f"{shown}: not a flow log: {error}")
    except BlobChangedError:
        complain(f"{shown}: written to while it was read; decode it again, or once its hour has passed")
    except (BlobUrlError, BlobGoneError, StorageError) as error:
        complain(str(error))
    return NOT_DONE


def _decode_log(blob: SourceBlob, data: Iterator[bytes], encoder: Encoder, writer: FlowWriter) -> int:
    """Print one log's flows and rejects."""
    log = LogReader(blob, encoder)
    status = ALL_DECODED
    for decoded in log.read(data):
        if decoded.encoded is not None:
            writer.write(decoded.encoded.lines)
        if decoded.rejected is not None:
            status = SOME_REJECTED
            ERR.write_json_line(orjson.loads(decoded.rejected.document(datetime.now(UTC))))
    if log.unfinished:
        complain(f"{blob}: ends inside a record, or in bytes that are none, after offset {log.offset}")
        status = SOME_REJECTED
    return status
