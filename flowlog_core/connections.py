"""Connections to storage accounts and to Event Hubs, read from app settings.

A connection has a name, and one of two forms. Either the setting of that name holds a connection string, or settings
that begin with the name say where the service is, and an identity signs in: ``X__blobServiceUri``, ``X__credential``.
Both are those of every Functions app, so the platform's triggers read the same settings (learn.microsoft.com, "Guidance
for developing Azure Functions", "Connections").
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
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

_DEVELOPMENT_ACCOUNT: Final = "devstoreaccount1"  # the emulator's, see learn.microsoft.com, "Use Azurite"
_EMULATOR_HOST: Final = re.compile(r"localhost|[\d.]+|.*:.*", re.ASCII)  # there the account is in the path
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

    """

    namespace: str
    hub: str
    connection_string: str | None = None
    identity: Identity = Identity()

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
        return StorageConnection(name, _account_of_string(name, text), text)
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


def event_hub_connection(environment: Mapping[str, str], name: str, hub: str) -> EventHubConnection:
    """Read a connection to an Event Hubs namespace.

    Args:
        environment: Where settings are.
        name: Name of the connection.
        hub: Name of the hub, as FLOWLOG_EVENTHUB_NAME says; empty where that is at fault.

    Raises:
        SettingsError: It is missing or wrong, or its connection string is for another hub.

    """
    text = _text(environment, name)
    if text:
        parts = _parts(text)
        host = _host(parts.get("endpoint", ""))
        if not host:
            raise SettingsError([f"{name} takes an Event Hubs connection string; this one has no Endpoint=sb://…"])
        entity = parts.get("entitypath")
        if entity and hub and entity != hub:
            raise SettingsError([f"FLOWLOG_EVENTHUB_NAME is {hub!r}, and the EntityPath of {name} is {entity!r}"])
        return EventHubConnection(host.lower(), hub, text)
    host = _text(environment, f"{name}__fullyQualifiedNamespace")
    if not host:
        identity = f"{name}__fullyQualifiedNamespace for an identity"
        raise SettingsError([f"{name} is missing: it takes an Event Hubs connection string, or {identity}"])
    if not _HOST_NAME.fullmatch(host):
        raise SettingsError([f"{name}__fullyQualifiedNamespace takes a host name, not {shown(host)}"])
    return EventHubConnection(host.lower(), hub, None, _identity(environment, name))


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


def _account_of_string(name: str, text: str) -> str:
    """Name the account of a storage connection string."""
    parts = _parts(text)
    if parts.get("usedevelopmentstorage", "").lower() == "true":
        return _DEVELOPMENT_ACCOUNT
    account = parts.get("accountname") or _account_of(parts.get("blobendpoint", ""))
    if not account:
        raise SettingsError([f"{name} takes a storage connection string; this one names no account"])
    return account


def _parts(text: str) -> dict[str, str]:
    """Split a connection string; the case of its keys does not matter."""
    pairs = (part.split("=", 1) for part in text.split(";") if "=" in part)
    return {key.strip().lower(): value.strip() for key, value in pairs}


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
