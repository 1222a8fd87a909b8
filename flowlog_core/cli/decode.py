"""The command ``decode``: the flows of log files, and what would be put in quarantine."""

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Final

from flowlog_core.blob import SourceBlob
from flowlog_core.cli.arguments import Subparsers, add_command, fields
from flowlog_core.cli.terminal import complain
from flowlog_core.decode import decode_item
from flowlog_core.encode import Encoder
from flowlog_core.errors import NotAFlowLogError
from flowlog_core.formats import LANDMARKS
from flowlog_core.scanner import Scanner

ALL_DECODED: Final = 0
SOME_REJECTED: Final = 1
NOT_DONE: Final = 2

_READ_BYTES: Final = 1024 * 1024
_EXAMPLES: Final = """\
examples:
  python -m flowlog_core decode PT1H.json
  python -m flowlog_core decode --fields time,srcIp,destIp,destPort,decision PT1H.json
  az storage blob download … --file /dev/stdout | python -m flowlog_core decode -

exit status: 0 all was decoded; 1 something would be put in quarantine, or an input ends
inside a record; 2 wrong usage, a file that can't be read, or one that is no flow log
"""


def add(commands: Subparsers) -> None:
    """Add the command."""
    decode = add_command(
        commands,
        "decode",
        summary="print the flows of log files",
        description="Print flows as NDJSON on standard output, and what would be put in quarantine as JSON lines on "
        "standard error.",
        epilog=_EXAMPLES,
    )
    decode.set_defaults(run=_decode)
    decode.add_argument("files", nargs="+", metavar="FILE", help="a PT1H.json; - for standard input")
    decode.add_argument(
        "--fields", type=fields, default="", metavar="KEYS", help="+key,-key edits the default keys, key,key replaces"
    )
    decode.add_argument(
        "--blob", metavar="NAME", help="account/container/name that ids are made from (default: the path as given)"
    )


def _decode(options: argparse.Namespace) -> int:
    encoder = Encoder(options.fields)
    status = ALL_DECODED
    for file in options.files:
        name = options.blob or ("stdin" if file == "-" else file)
        try:
            with _opened(file) as stream:
                status = max(status, _decode_log(SourceBlob.outside(name), stream, encoder))
        except BrokenPipeError:
            raise
        except OSError as error:
            complain(f"{file}: {error.strerror or error}")
            status = NOT_DONE
        except NotAFlowLogError as error:
            complain(f"{file}: not a flow log: {error}")
            status = NOT_DONE
    return status


def _decode_log(blob: SourceBlob, stream: BinaryIO, encoder: Encoder) -> int:
    """Print one log's flows and rejects."""
    scanner = Scanner(LANDMARKS)
    status = ALL_DECODED
    ended = False
    while not ended:
        data = stream.read(_READ_BYTES)
        ended = not data
        if ended:
            scanner.end()
        scanner.feed(data)
        for item in scanner.items():
            decoded = decode_item(blob, item, encoder)
            if decoded.encoded is not None and decoded.encoded.lines:
                sys.stdout.write("\n".join(decoded.encoded.lines) + "\n")
            if decoded.rejected is not None:
                status = SOME_REJECTED
                sys.stderr.write(decoded.rejected.document(datetime.now(UTC)).decode() + "\n")
    if scanner.unfinished:
        complain(f"{blob}: ends inside a record, or in bytes that are none, after offset {scanner.offset}")
        status = SOME_REJECTED
    return status


@contextmanager
def _opened(file: str) -> Iterator[BinaryIO]:
    if file == "-":
        yield sys.stdin.buffer
    else:
        with Path(file).open("rb") as stream:
            yield stream
