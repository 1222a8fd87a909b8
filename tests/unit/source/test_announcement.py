"""Which blob an Event Grid event is about."""

import json

import pytest

from flowlog_core.errors import AnnouncementError
from flowlog_core.source.announcement import announced_blob
from flowlog_core.source.blob import SourceBlob

TOPIC = "/subscriptions/0/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/flowlogs1"
SUBJECT = "/blobServices/default/containers/insights-logs-flowlogflowevent/blobs/"
NAME = "flowLogResourceID=/a b/100%/ü/y=2026/m=11/d=20/h=23/m=00/macAddress=0015/PT1H.json"


@pytest.mark.parametrize("key", ["topic", "source"])
def test_an_event_of_either_schema_names_its_blob(key: str) -> None:
    message = json.dumps({key: TOPIC, "subject": SUBJECT + NAME, "data": {"api": "PutBlockList"}}).encode()

    assert announced_blob(message) == SourceBlob("flowlogs1", "insights-logs-flowlogflowevent", NAME)


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"hello",
        b"[]",
        b"{}",
        json.dumps({"topic": TOPIC}).encode(),
        json.dumps({"topic": TOPIC, "subject": "/blobServices/default/containers/c"}).encode(),
        json.dumps({"topic": "/subscriptions/0", "subject": SUBJECT + NAME}).encode(),
    ],
)
def test_a_message_that_is_no_event_about_a_blob_is_an_error(message: bytes) -> None:
    with pytest.raises(AnnouncementError):
        announced_blob(message)
