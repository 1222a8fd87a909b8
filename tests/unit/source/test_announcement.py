"""Which blobs a message of Event Grid announces."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowlog_core.source.announcement import Announcement
from flowlog_core.source.blob import SourceBlob

TOPIC = "/subscriptions/0/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/FlowLogs1"
SUBJECT = "/blobServices/default/containers/insights-logs-flowlogflowevent/blobs/"
NAME = "flowLogResourceID=/a b/100%/ü/y=2026/m=11/d=20/h=23/m=00/macAddress=0015/PT1H.json"
CREATED = "Microsoft.Storage.BlobCreated"


def event_grid(name: str = NAME) -> dict[str, Any]:
    """An event in Event Grid's own schema, with what storage says in it."""
    return {
        "topic": TOPIC,
        "subject": SUBJECT + name,
        "eventType": CREATED,
        "id": "831e1650-001e-001b-66ab-eeb76e069631",
        "data": {"api": "PutBlockList", "url": "https://flowlogs1.blob.core.windows.net/c/n", "contentLength": 5},
        "dataVersion": "",
        "metadataVersion": "1",
        "eventTime": "2026-11-20T23:10:00.1Z",
    }


def cloud_event(name: str = NAME) -> dict[str, Any]:
    """The same as a CloudEvent."""
    return {"specversion": "1.0", "type": CREATED, "source": TOPIC, "subject": SUBJECT + name, "id": "1"}


def blob(name: str = NAME) -> SourceBlob:
    return SourceBlob("flowlogs1", "insights-logs-flowlogflowevent", name)


def plain(document: object) -> bytes:
    return json.dumps(document).encode()


def in_base64(document: object) -> bytes:
    return base64.b64encode(plain(document))


@pytest.mark.parametrize("written", [plain, in_base64])
@pytest.mark.parametrize("event", [event_grid(), cloud_event()], ids=["Event Grid", "CloudEvents"])
def test_an_event_of_either_schema_plain_or_in_base64_names_its_blob(event: object, written: Any) -> None:
    assert Announcement.read(written(event)) == Announcement((blob(),), ())
    assert Announcement.read(b" \r\n" + written([event]) + b"\n") == Announcement((blob(),), ())


@pytest.mark.parametrize("written", [plain, in_base64])
def test_an_array_names_each_of_its_blobs_once_and_in_order(written: Any) -> None:
    events = [event_grid("b/PT1H.json"), cloud_event("a/PT1H.json"), event_grid("b/PT1H.json")]

    assert Announcement.read(written(events)).blobs == (blob("b/PT1H.json"), blob("a/PT1H.json"))


def test_what_announces_no_append_costs_the_other_events_of_its_message_nothing() -> None:
    deleted = event_grid("gone/PT1H.json") | {"eventType": "Microsoft.Storage.BlobDeleted"}

    announcement = Announcement.read(plain([deleted, 7, cloud_event(), deleted]))

    assert announcement.blobs == (blob(),)
    assert announcement.ignored == (
        "the event is of the type 'Microsoft.Storage.BlobDeleted', and not Microsoft.Storage.BlobCreated",
        "the message holds no event",
    )


NO_ANNOUNCEMENTS: list[bytes] = [
    b"",
    b"hello",
    b"\xff\xfe",
    b"{",
    b"[",
    b"null",
    base64.b64encode(b"hello"),
    base64.b64encode(b"null"),
    plain("text"),
    plain({}),
    plain([[]]),
    b"[" * 100_000,
    plain({"topic": TOPIC, "eventType": CREATED}),
    plain(event_grid() | {"eventType": None}),
    plain(event_grid() | {"eventType": [CREATED]}),
    plain(event_grid() | {"eventType": "Microsoft.Storage.BlobDeleted"}),
    plain(event_grid() | {"eventType": "Microsoft.EventGrid.SubscriptionValidationEvent"}),
    plain(event_grid() | {"subject": "/blobServices/default/containers/c"}),
    plain(event_grid() | {"subject": {}}),
    plain(event_grid() | {"topic": "/subscriptions/0"}),
    plain(event_grid() | {"topic": f"{TOPIC}/more"}),
    plain(cloud_event() | {"source": "/subscriptions/0"}),
]


@pytest.mark.parametrize("message", NO_ANNOUNCEMENTS)
def test_a_message_that_announces_no_append_is_ignored_with_its_reason(message: bytes) -> None:
    announcement = Announcement.read(message)

    assert announcement.blobs == ()
    assert len(announcement.ignored) == 1


def test_an_empty_array_announces_nothing() -> None:
    assert Announcement.read(b"[]") == Announcement((), ())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda values: st.lists(values) | st.dictionaries(st.sampled_from([*event_grid(), *cloud_event()]), values),
)


@given(st.binary() | JSON.map(plain) | JSON.map(in_base64))
def test_any_message_can_be_read(message: bytes) -> None:
    announcement = Announcement.read(message)

    assert all(isinstance(each, SourceBlob) for each in announcement.blobs)
    assert all(len(reason) < 400 and reason.isprintable() for reason in announcement.ignored)


def test_an_event_type_from_outside_is_cut_and_holds_neither_control_characters_nor_addresses() -> None:
    odd = "\x1b[2J10.0.0.4 fe80::1" + "x" * 10_000

    (reason,) = Announcement.read(plain(event_grid() | {"eventType": odd})).ignored

    assert len(reason) < 400
    assert reason.isprintable()
    assert "10.0.0.4" not in reason
    assert "fe80" not in reason
