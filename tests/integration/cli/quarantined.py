"""Items in the quarantine of a site, and what a replay of them sent."""

import json
import zlib
from datetime import UTC, datetime
from typing import Any

from flowlog_core.decode.quarantine import QuarantineItem
from flowlog_core.source.blob import SourceBlob
from tests.integration.cli.site import Site

FOUND = datetime(2026, 11, 20, 23, 7, 1, tzinfo=UTC)
TUPLE = "1795000000,10.0.0.4,10.1.0.1,1024,443,T,O,A,B,,,,"
OLD_REASON = "VNet flow log version 4 is not known"


def put(site: Site, blob: SourceBlob, raw: bytes, /, *, offset: int = 12, **more: Any) -> QuarantineItem:
    """Put in quarantine what an older version could not decode."""
    values = {"reason": OLD_REASON, "raw": raw, **more}
    item = QuarantineItem(blob, offset, len(raw), zlib.crc32(raw), **values)
    site.services().quarantine.put(item, FOUND)
    return item


def flows(site: Site) -> list[dict[str, Any]]:
    return [json.loads(line) for event in site.hub.events() for line in event.body.splitlines()]


def names(site: Site) -> list[str]:
    return site.run("quarantine", "list", "--names").out.splitlines()
