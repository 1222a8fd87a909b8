"""How the hub is reached, by both of its clients, and what to check where it is not."""

import os
from typing import Any, Final

from azure.eventhub import TransportType

from flowlog_core.connections import EventHubConnection

_AMQP_PORT: Final = 5671
_WEBSOCKET_PORT: Final = 443
# By words of an error's text, in lower case; the first that fits counts. What fits none may pass by itself.
_REMEDIES: Final = (
    (("epoch", "link:stolen"), "another reader has the consumer group for itself; use a group of your own"),
    (("resource-limit", "allowed receivers"), "the consumer group has all the readers that it may have; use another"),
    (("not-found", "could not be found", "status code: 404"), "check the names of the hub and of the consumer group"),
    (("defaultazurecredential", "credentialunavailable"), "nobody is signed in; `az login` does it"),
    (("expiredtoken", "token is expired", "has expired"), "put a new SharedAccessSignature into FlowLogEventHub"),
    (
        ("unauthorized", "status code: 401", "invalid signature", "invalidsignature"),
        "{doing} takes the role Azure Event Hubs Data {role}, or a key with the right {right}",
    ),
    (("argument-error", "argument-out-of-range"), "the hub does not have this place; was it made anew?"),
    (
        ("407", "proxy authentication"),
        "the proxy of HTTPS_PROXY wants a name and a password: http://NAME:PASSWORD@HOST",
    ),
    (
        ("certificate verify failed",),
        "where a proxy inspects TLS, REQUESTS_CA_BUNDLE must name a file with its certificate",
    ),
)
_RIGHTS: Final = {
    "sending": {"doing": "sending", "role": "Sender", "right": "Send"},
    "reading": {"doing": "reading", "role": "Receiver", "right": "Listen"},
}


def client_options(connection: EventHubConnection) -> dict[str, Any]:
    """Return what makes a client use the connection's transport.

    Over WebSockets it goes through the proxy of HTTPS_PROXY unless NO_PROXY names the host, as the client's library
    does by itself. Certificates are checked by the file of REQUESTS_CA_BUNDLE where there is one, as for storage.
    """
    over_websocket = connection.transport == "websockets"
    return {
        "transport_type": TransportType.AmqpOverWebsocket if over_websocket else TransportType.Amqp,
        "connection_verify": os.environ.get("REQUESTS_CA_BUNDLE") or None,
    }


def remedy(error: Exception, doing: str) -> str | None:
    """Say what helps against an error of the service; None where it may pass by itself.

    Args:
        error: The client's.
        doing: ``sending`` or ``reading``.

    """
    text = str(error).lower()
    found = next((advice for words, advice in _REMEDIES if any(word in text for word in words)), None)
    return found and found.format(**_RIGHTS[doing])


def unreached(connection: EventHubConnection) -> str:
    """Say what to check where there is no connection, or no answer."""
    if connection.transport == "amqp":
        return (
            f"check that the namespace can be reached (port {_AMQP_PORT}); where only port {_WEBSOCKET_PORT} is open, "
            "set FLOWLOG_EVENTHUB_TRANSPORT to websockets"
        )
    proxied = os.environ.get("https_proxy") or os.environ.get("HTTPS_PROXY")
    through = " through the proxy of HTTPS_PROXY" if proxied else ""
    return f"check that the namespace can be reached{through} (port {_WEBSOCKET_PORT})"
