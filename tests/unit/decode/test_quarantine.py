"""Items of the quarantine: documents that are none."""

import pytest

from flowlog_core.errors import QuarantineUnreadableError
from flowlog_core.operations.quarantine_store import StoredItem


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"[]",
        b"{}",
        b'{"blob":"no-container","raw":null,"rawEncoding":null}',
    ],
)
def test_a_document_that_is_no_item_is_told_by_its_name(document: bytes) -> None:
    with pytest.raises(QuarantineUnreadableError, match=r"^account/container/a/1-0\.json: not an item"):
        StoredItem.read("account/container/a/1-0.json", document)
