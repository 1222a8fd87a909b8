"""Connections to storage accounts and to Event Hubs, read from app settings.

A connection has a name, and one of two forms. Either the setting of that name holds a connection string, or settings
that begin with the name say where the service is, and an identity signs in: ``X__blobServiceUri``, ``X__credential``.
Both are those of every Functions app, so the platform's triggers read the same settings (learn.microsoft.com, "Guidance
for developing Azure Functions", "Connections").
"""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import urlsplit

from flowlog_core.errors import SettingsError

STORAGE_FORMS: Final[Mapping[str, str]] = {
    "": "a storage connection string",
    "__blobServiceUri": "the account's blob endpoint, such as `https://account.blob.core.windows.net`",
    "__accountName": "the account's name, where its endpoint is `https://NAME.blob.core.windows.net`",
}
"""Settings that say where a storage account is, by what follows the connection's name: what each holds."""

EVENT_HUB_FORMS: Final[Mapping[str, str]] = {
    "": "an Event Hubs connection string",
    "__fullyQualifiedNamespace": "the namespace's host name, such as `name.servicebus.windows.net`",
}
"""The same for an Event Hubs namespace."""

IDENTITY_FORMS: Final[Mapping[str, str]] = {
    "__credential": "`managedidentity`, where only a managed identity is to sign in",
    "__clientId": "the client id of a user-assigned identity",
}
"""Settings that say who signs in, where there is no connection string."""

Transport = Literal["amqp", "websockets"]

_DEVELOPMENT_ACCOUNT: Final = "devstoreaccount1"  # the emulator's, see learn.microsoft.com, "Use Azurite"
_EMULATOR_HOST: Final = re.compile(r"localhost|[\d.]+|.*:.*", re.ASCII)  # there the account is in the path
_QUOTES: Final = frozenset("\"'")
_ACCOUNT_NAME: Final = re.compile(r"[a-z0-9]{3,24}", re.ASCII)
_HOST_NAME: Final = re.compile(r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Identity:
    """How a connection without a secret proves who it is.

    Attributes:
        client_id: Of a user-assigned managed identity, or None.
        managed: Whether only a managed identity will do, as ``__credential`` says.

    """

    client_id: str | None = None
    managed: bool = False


@dataclass(frozen=True, slots=True)
class StorageConnection:
    """A connection to a storage account, by connection string or by identity.

    Attributes:
        name: Name of the setting.
        account: Name of the account.
        connection_string: With its secret, or None.
        blob_service_uri: The blob endpoint, where there is no connection string.
        identity: Goes with the endpoint.

    """

    name: str
    account: str
    connection_string: str | None = None
    blob_service_uri: str | None = None
    identity: Identity = Identity()

    def __repr__(self) -> str:
        return f"StorageConnection({self.name!r}, account={self.account!r})"


@dataclass(frozen=True, slots=True)
class EventHubConnection:
    """A connection to an Event Hubs namespace, by connection string or by identity.

    Attributes:
        namespace: Host name of the namespace.
        hub: Name of the hub.
        connection_string: With its secret, or None.
        identity: Where there is no connection string.
        transport: ``amqp``, or ``websockets`` for AMQP over them.
        names_hub: Whether the connection string is for one hub alone, by its EntityPath.

    """

    namespace: str
    hub: str
    connection_string: str | None = None
    identity: Identity = Identity()
    transport: Transport = "amqp"
    names_hub: bool = False

    @property
    def destination(self) -> str:
        """Name of the destination that checkpoints belong to."""
        return f"{self.namespace}/{self.hub}"

    def __repr__(self) -> str:
        return f"EventHubConnection({self.destination!r})"


def is_storage_connection(environment: Mapping[str, str], name: str) -> bool:
    """Whether any setting says where the storage account of this connection is."""
    return any(_text(environment, f"{name}{form}") for form in STORAGE_FORMS)


def storage_connection(environment: Mapping[str, str], name: str) -> StorageConnection:
    """Read a connection to a storage account.

    Raises:
        SettingsError: It is missing or wrong.

    """
    text = _text(environment, name)
    if text:
        return _storage_by_string(name, text)
    uri, account = _text(environment, f"{name}__blobServiceUri"), _text(environment, f"{name}__accountName")
    if account and not _ACCOUNT_NAME.fullmatch(account):
        raise SettingsError([f"{name}__accountName takes the name of a storage account, not {shown(account)}"])
    if uri:
        account = account or _account_of(uri)
        if not account or not uri.startswith(("https://", "http://")):
            raise SettingsError([f"{name}__blobServiceUri takes a URL such as https://account.blob.core.windows.net"])
        return StorageConnection(name, account, None, uri, _identity(environment, name))
    if account:
        uri = f"https://{account}.blob.core.windows.net"
        return StorageConnection(name, account, None, uri, _identity(environment, name))
    identity = f"{name}__blobServiceUri (or {name}__accountName) for an identity"
    raise SettingsError([f"{name} is missing: it takes a storage connection string, or {identity}"])


def event_hub_connection(
    environment: Mapping[str, str], name: str, hub: str, transport: Transport = "amqp"
) -> EventHubConnection:
    """Read a connection to an Event Hubs namespace.

    Args:
        environment: Where settings are.
        name: Name of the connection.
        hub: Name of the hub, as FLOWLOG_EVENTHUB_NAME says; empty where that is at fault.
        transport: As FLOWLOG_EVENTHUB_TRANSPORT says.

    Raises:
        SettingsError: It is missing or wrong, or its connection string is for another hub.

    """
    text = _text(environment, name)
    if text:
        return _event_hub_by_string(name, hub, text, transport)
    host = _text(environment, f"{name}__fullyQualifiedNamespace")
    if not host:
        identity = f"{name}__fullyQualifiedNamespace for an identity"
        raise SettingsError([f"{name} is missing: it takes an Event Hubs connection string, or {identity}"])
    if not _HOST_NAME.fullmatch(host):
        raise SettingsError([f"{name}__fullyQualifiedNamespace takes a host name, not {shown(host)}"])
    return EventHubConnection(host.lower(), hub, None, _identity(environment, name), transport)


def may_be_secret(text: str) -> bool:
    """Whether a text looks like a connection string or a key, which may stand in the wrong setting."""
    return bool(set(text) & set("=;"))


def shown(text: str) -> str:
    """Quote a setting's text for a message, unless it may be secret."""
    return "what is there" if may_be_secret(text) else repr(text)


def _text(environment: Mapping[str, str], name: str) -> str:
    return environment.get(name, "").strip()


def _identity(environment: Mapping[str, str], name: str) -> Identity:
    kind = _text(environment, f"{name}__credential")
    if kind not in {"", "managedidentity"}:
        raise SettingsError([f"{name}__credential takes managedidentity, or nothing"])
    return Identity(_text(environment, f"{name}__clientId") or None, kind == "managedidentity")


def _storage_by_string(name: str, text: str) -> StorageConnection:
    string = _ConnectionString(name, text)
    if string.part("UseDevelopmentStorage").lower() == "true":
        return StorageConnection(name, _DEVELOPMENT_ACCOUNT, "UseDevelopmentStorage=true")
    endpoint = string.part("BlobEndpoint")
    account = string.part("AccountName") or _account_of(endpoint)
    if not account:
        raise SettingsError([f"{name} takes a storage connection string; this one names no account"])
    wrong = {
        "AccountName": string.part("AccountName") and not _ACCOUNT_NAME.fullmatch(account),
        "BlobEndpoint": endpoint and not (endpoint.startswith(("https://", "http://")) and _host(endpoint)),
        "DefaultEndpointsProtocol": string.part("DefaultEndpointsProtocol").lower() not in {"", "https", "http"},
        "BlobSecondaryEndpoint": string.part("BlobSecondaryEndpoint") and not endpoint,
    }
    if any(wrong.values()):
        parts = [part for part, is_wrong in wrong.items() if is_wrong]
        raise SettingsError([f"{name} has a wrong {part}; copy the connection string again" for part in parts])
    key = string.part("AccountKey")
    if not key and not string.part("SharedAccessSignature"):
        identity = f"an identity takes {name}__accountName instead"
        raise SettingsError([f"{name} has neither AccountKey nor SharedAccessSignature; {identity}"])
    if not _is_base64(key):
        raise SettingsError([f"{name} has an AccountKey that is not base64; copy the connection string again"])
    return StorageConnection(name, account, string.text)


def _event_hub_by_string(name: str, hub: str, text: str, transport: Transport) -> EventHubConnection:
    string = _ConnectionString(name, text)
    host = _host(string.part("Endpoint"))
    if not host:
        raise SettingsError([f"{name} takes an Event Hubs connection string; this one has no Endpoint=sb://…"])
    entity = string.part("EntityPath")
    if entity and hub and entity != hub:
        raise SettingsError([f"FLOWLOG_EVENTHUB_NAME is {hub!r}, and the EntityPath of {name} is {entity!r}"])
    has_key = string.part("SharedAccessKeyName") and string.part("SharedAccessKey")
    if not has_key and not string.part("SharedAccessSignature"):
        wanted = "SharedAccessKeyName with SharedAccessKey, or SharedAccessSignature"
        raise SettingsError([f"{name} lacks {wanted}; an identity takes {name}__fullyQualifiedNamespace instead"])
    if (string.part("SharedAccessKey") or string.part("SharedAccessKeyName")) and string.part("SharedAccessSignature"):
        raise SettingsError([f"{name} has a key and a SharedAccessSignature; leave one out"])
    return EventHubConnection(host.lower(), hub, string.text, transport=transport, names_hub=bool(entity))


class _ConnectionString:
    """The parts of a connection string; the case of their keys does not matter, and an empty part is none.

    Attributes:
        text: The string without empty parts, and without blanks around the others: the clients refuse them.

    """

    def __init__(self, name: str, text: str) -> None:
        """Split it; raises SettingsError."""
        if not _QUOTES.isdisjoint(text):
            raise SettingsError([f"{name} has quotes in it; leave them out"])
        pairs = [part.partition("=") for part in text.split(";") if part.strip()]
        if not pairs or not all(key.strip() and equals for key, equals, _ in pairs):
            raise SettingsError([f"{name} takes a connection string: parts KEY=VALUE with a ; between them"])
        stripped = [(key.strip(), value.strip()) for key, _, value in pairs if value.strip()]
        self.text = ";".join(f"{key}={value}" for key, value in stripped)
        self._parts = {key.lower(): value for key, value in stripped}
        if len(self._parts) < len(stripped):
            raise SettingsError([f"{name} has a part twice; copy the connection string again"])

    def part(self, key: str) -> str:
        """Return the value of a part, empty where there is none."""
        return self._parts.get(key.lower(), "")


def _is_base64(text: str) -> bool:
    try:
        base64.b64decode(text, validate=True)
    except ValueError:
        return False
    return True


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _account_of(endpoint: str) -> str:
    """Name the account of a blob endpoint: the host's first label, or the path where the host is an emulator's."""
    host = _host(endpoint)
    if _EMULATOR_HOST.fullmatch(host):
        return urlsplit(endpoint).path.strip("/")
    return host.split(".")[0]
