"""Announcements of appends: an Event Grid message in, the blobs that it is about out.

A message holds one event or an array of them, in Event Grid's own schema or as CloudEvents 1.0, plain or in base64
(learn.microsoft.com, "Azure Event Grid event schema" and "CloudEvents schema").
"""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

import orjson

from flowlog_core.source.blob import SourceBlob
from flowlog_core.source.gate import outside_text

_APPEND: Final = "Microsoft.Storage.BlobCreated"  # storage says so of every commit of blocks
_SUBJECT: Final = re.compile(r"/blobServices/default/containers/([^/]+)/blobs/(.+)", re.DOTALL)
_ACCOUNT: Final = re.compile(r"/storageAccounts/([a-z0-9]{3,24})\Z", re.ASCII | re.IGNORECASE)
_BLANKS: Final = b" \t\r\n"


@dataclass(frozen=True, slots=True)
class Announcement:
    """What one message announces.

    Attributes:
        blobs: The blobs that were appended to, each once, in the message's order. They have not passed the gate.
        ignored: Why the message, or some of its events, are about no append; each reason once.

    """

    blobs: tuple[SourceBlob, ...]
    ignored: tuple[str, ...]

    @classmethod
    def read(cls, message: bytes) -> Self:
        """Read a message. Whatever it holds, something comes of it: there is nobody to return it to."""
        try:
            document = orjson.loads(_plain(message))
        except (binascii.Error, orjson.JSONDecodeError):
            return cls((), ("the message is neither JSON nor JSON in base64",))
        events = document if isinstance(document, list) else [document]
        read = [_blob_of(event) for event in events]
        blobs = dict.fromkeys(each for each in read if isinstance(each, SourceBlob))
        reasons = dict.fromkeys(each for each in read if isinstance(each, str))
        return cls(tuple(blobs), tuple(reasons))


def _plain(message: bytes) -> bytes:
    """Return a message as JSON; what begins like no object and no array is base64, which Event Grid's queues may hold.

    Raises:
        binascii.Error: It is not.

    """
    stripped = message.strip(_BLANKS)
    return stripped if stripped[:1] in {b"{", b"["} else base64.b64decode(stripped, validate=True)


def _blob_of(event: object) -> SourceBlob | str:
    """Return the blob that an event says was appended to, or why there is none.

    The name is in the subject as it is stored, unlike in the URL.
    """
    if not isinstance(event, dict):
        return "the message holds no event"
    kind = _text(event, "eventType", "type")
    if kind != _APPEND:
        return f"the event is of the type {outside_text(kind)!r}, and not {_APPEND}"
    account = _ACCOUNT.search(_text(event, "topic", "source"))
    subject = _SUBJECT.fullmatch(_text(event, "subject"))
    if account is None or subject is None:
        return "the event names no storage account, or no blob"
    return SourceBlob(account.group(1).lower(), subject.group(1), subject.group(2))


def _text(event: Mapping[str, Any], *keys: str) -> str:
    """Return a text of an event: Event Grid's own schema has the first key, CloudEvents the last."""
    for key in keys:
        if isinstance(value := event.get(key), str):
            return value
    return ""
