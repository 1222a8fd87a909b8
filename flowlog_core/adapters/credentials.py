"""Clients of storage accounts from connections, with one way to prove identity."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from azure.core.credentials import TokenCredential
from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ResourceModifiedError,
    ResourceNotFoundError,
)
from azure.storage.blob import BlobServiceClient

from flowlog_core.adapters.storage.transport import PooledTransport
from flowlog_core.connections import Identity, StorageConnection
from flowlog_core.errors import BlobChangedError, BlobGoneError, StorageError
from flowlog_core.source.gate import outside_text

# Any: the clients take them as keywords that their signatures do not name.
_RETRIES: Final[dict[str, Any]] = {
    "retry_total": 4,
    "initial_backoff": 1,
    "increment_base": 2,
}
_CONNECTION_SECONDS: Final = 10
_READ_SECONDS: Final = 60


_FORBIDDEN: Final = 403
_CHECK_ROLES: Final = "check the identity's roles on the account, and its firewall"


def credential(identity: Identity) -> TokenCredential:
    """Make a credential: a managed identity where asked for, else what the place offers (a laptop's sign-in, too)."""
    # Imported only where no connection string is used: it costs a tenth of a second and more at a cold start.
    from azure.identity import DefaultAzureCredential, ManagedIdentityCredential  # noqa: PLC0415

    if identity.managed:
        return ManagedIdentityCredential(client_id=identity.client_id)
    return DefaultAzureCredential(managed_identity_client_id=identity.client_id)


def blob_service(connection: StorageConnection) -> BlobServiceClient:
    """Make a client of a storage account. It is thread-safe, and keeps its connections."""
    transport = PooledTransport(connection_timeout=_CONNECTION_SECONDS, read_timeout=_READ_SECONDS)
    if connection.connection_string is not None:
        return BlobServiceClient.from_connection_string(connection.connection_string, transport=transport, **_RETRIES)
    return BlobServiceClient(
        connection.blob_service_uri or "",
        credential(connection.identity),
        transport=transport,
        **_RETRIES,
    )


@contextmanager
def storage_errors(doing: str) -> Iterator[None]:
    """Translate storage's errors into ours; `doing` says what was being done, and to which blob."""
    try:
        yield
    except ResourceNotFoundError as error:
        raise BlobGoneError(f"{doing}: not found ({_code(error)})") from error
    except ResourceModifiedError as error:
        raise BlobChangedError(f"{doing}: changed ({_code(error)})") from error
    except ClientAuthenticationError as error:
        if error.response is None:  # it came to no request
            raise StorageError(f"{doing}: no sign-in found; use `az login`, or check the managed identity") from error
        raise StorageError(f"{doing}: not allowed ({_code(error)}); {_remedy(error)}") from error
    except HttpResponseError as error:
        if error.status_code == _FORBIDDEN:
            raise StorageError(f"{doing}: not allowed ({_code(error)}); {_remedy(error)}") from error
        raise StorageError(f"{doing}: status {error.status_code} ({_code(error)})") from error
    except AzureError as error:
        raise StorageError(f"{doing}: {type(error).__name__}; check that the account can be reached") from error


def _code(error: HttpResponseError) -> str:
    code = getattr(error, "error_code", None)
    return outside_text(str(getattr(code, "value", code) or error.reason or "no code"))


def _remedy(error: HttpResponseError) -> str:
    """Say what helps against a refusal, by the way in which the request was signed: codes do not tell that apart."""
    request = getattr(error.response, "request", None)
    if request is None:
        return _CHECK_ROLES
    signed = parse_qs(urlsplit(request.url).query)
    if "sig" in signed:
        return _remedy_of_signature(signed, datetime.now(UTC))
    if str(request.headers.get("Authorization", "")).startswith("SharedKey"):
        return "check that the AccountKey of the connection string is one of the account's keys, and its firewall"
    return _CHECK_ROLES


def _remedy_of_signature(signed: Mapping[str, Sequence[str]], now: datetime) -> str:
    begins, ends = (_time(signed.get(key, ("",))[0]) for key in ("st", "se"))
    if ends is not None and ends <= now:
        return f"its SharedAccessSignature expired at {ends:%Y-%m-%dT%H:%MZ}; put a new one into the connection string"
    if begins is not None and begins > now:
        return f"its SharedAccessSignature is not valid before {begins:%Y-%m-%dT%H:%MZ}, or the clock here is wrong"
    return "check what its SharedAccessSignature permits, that the key which signed it still holds, and the firewall"


def _time(text: str) -> datetime | None:
    try:
        time = datetime.fromisoformat(text)
        return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
