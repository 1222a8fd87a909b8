"""Clients of blobs are kept, up to a number."""

from types import SimpleNamespace
from typing import Any

from flowlog_core.adapters.storage.blobs import CLIENTS_KEPT, AzureBlobSource
from flowlog_core.source.blob import SourceBlob


class Account:
    """Counts the clients that are made for blobs."""

    def __init__(self) -> None:
        self.made: list[str] = []

    def get_blob_client(self, container: str, name: str) -> Any:
        self.made.append(f"{container}/{name}")
        return SimpleNamespace(get_blob_properties=lambda: SimpleNamespace(etag=name, blob_tier=None))


def test_a_blob_has_one_client_until_many_others_were_used() -> None:
    account = Account()
    source = AzureBlobSource({"account": account})  # type: ignore[dict-item]  # the little of a client that is used
    blobs = [SourceBlob("account", "logs", str(number)) for number in range(CLIENTS_KEPT + 1)]

    for _ in range(3):
        assert source.etag(blobs[0]) == "0"
    assert account.made == ["logs/0"]

    for blob in blobs:
        assert source.etag(blob) == blob.name
    source.etag(blobs[0])
    assert account.made.count("logs/0") == 2
    assert len(account.made) == CLIENTS_KEPT + 2
