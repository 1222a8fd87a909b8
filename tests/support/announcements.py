"""Messages of Event Grid that announce appends."""

import json
from typing import Final

from flowlog_core.source.blob import SourceBlob

_TOPIC: Final = "/subscriptions/0/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts"


def created(*blobs: SourceBlob) -> bytes:
    """Announce blobs as Event Grid does, in one message."""
    events = [
        {
            "topic": f"{_TOPIC}/{blob.account}",
            "subject": f"/blobServices/default/containers/{blob.container}/blobs/{blob.name}",
            "eventType": "Microsoft.Storage.BlobCreated",
        }
        for blob in blobs
    ]
    return json.dumps(events).encode()
