"""Messages from outside that name what no run may touch, and storage that resolves names as its client does."""

import random
from dataclasses import replace

from flowlog_core.source.blob import SourceBlob
from tests.support.flow_logs import document, vnet_record

OTHER_CONTAINER = "insights-logs-of-others"
CONTENT = document([vnet_record(2)])
"""What the blob in the other container holds."""


def elsewhere(blob: SourceBlob) -> SourceBlob:
    """Name a blob in a container that no setting names."""
    return replace(blob, container=OTHER_CONTAINER)


def foreign_name(chance: random.Random, blob: SourceBlob) -> SourceBlob:
    """Name what is none of the app's: in another container, by a roundabout way, or what never was."""
    names = [
        elsewhere(blob),
        replace(blob, name=f"../{OTHER_CONTAINER}/{blob.name}"),
        replace(blob, name=f"x/../{blob.name}"),
        replace(blob, name=blob.name.replace("macAddress=", "macAddress=never")),
    ]
    return chance.choice(names)


def resolved(blob: SourceBlob) -> SourceBlob:
    """Resolve `..` as the storage client does, which may lead to another blob, and into another container."""
    segments: list[str] = []
    for segment in (blob.container, *blob.name.split("/")):
        if segment == "..":
            del segments[-1:]
        else:
            segments.append(segment)
    return SourceBlob(blob.account, segments[0], "/".join(segments[1:]))
