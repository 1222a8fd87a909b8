"""What every quarantine does."""

import json
from datetime import UTC, datetime

import pytest

from flowlog_core.decode.quarantine import QuarantineItem
from flowlog_core.decode.rejected import RejectedTuple
from flowlog_core.source.blob import SourceBlob
from tests.conformance.services import Services
from tests.conformance.test_blob_source import NAMES

NOW = datetime(2026, 11, 20, 23, 0, 1, tzinfo=UTC)


def item(name: str = "a/PT1H.json", raw: bytes | None = b'{"a":1}') -> QuarantineItem:
    return QuarantineItem(
        SourceBlob("account", "container", name), 12, 7, 0xABC, "a reason", raw, (RejectedTuple(3, "bad"),)
    )


def test_an_item_is_kept_under_its_place_with_its_reason(services: Services) -> None:
    services.quarantine.put(item(), NOW)

    assert item().name == "account/container/a/PT1H.json/12-00000abc.json"
    assert json.loads(services.quarantined(item())) == {
        "reason": "a reason",
        "blob": "account/container/a/PT1H.json",
        "offset": 12,
        "length": 7,
        "crc": "00000abc",
        "raw": '{"a":1}',
        "rawEncoding": "utf-8",
        "tuples": [{"ordinal": 3, "reason": "bad"}],
        "time": "2026-11-20T23:00:01.000+00:00",
    }


def test_bytes_that_are_no_text_are_kept_in_base64(services: Services) -> None:
    bad = item("b/PT1H.json", b"\xff\xfe")
    services.quarantine.put(bad, NOW)

    document = json.loads(services.quarantined(bad))
    assert (document["raw"], document["rawEncoding"]) == ("//4=", "base64")


def test_an_item_by_reference_has_no_bytes(services: Services) -> None:
    bad = item("c/PT1H.json", None)
    services.quarantine.put(bad, NOW)

    document = json.loads(services.quarantined(bad))
    assert (document["raw"], document["rawEncoding"]) == (None, None)


def test_the_same_item_put_twice_is_one(services: Services) -> None:
    services.quarantine.put(item(), NOW)
    services.quarantine.put(item(), NOW)

    assert json.loads(services.quarantined(item()))["offset"] == 12


@pytest.mark.parametrize("name", NAMES)
def test_blobs_with_odd_names_are_quarantined(services: Services, name: str) -> None:
    services.quarantine.put(item(name), NOW)

    assert json.loads(services.quarantined(item(name)))["blob"] == f"account/container/{name}"
