"""What an account's client raises becomes an error of ours, which shows no address with a signature in it."""

import pytest
from azure.core.exceptions import ServiceRequestError

from flowlog_core.adapters.credentials import storage_errors
from flowlog_core.errors import StorageError


def test_an_account_that_cannot_be_reached_is_told_without_the_address() -> None:
    with pytest.raises(StorageError) as raised, storage_errors("reading logs/PT1H.json"):
        raise ServiceRequestError("Failed to connect to http://127.0.0.1:9/logs?sv=2026-01-01&sig=s3cret%3D")

    expected = "reading logs/PT1H.json: ServiceRequestError; check that the account can be reached"
    assert str(raised.value) == expected
