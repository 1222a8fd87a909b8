"""An Event Grid event, as a storage queue delivers it, in; the blob that it is about, out."""

import re
from typing import Final

import orjson

from flowlog_core.errors import AnnouncementError
from flowlog_core.source.blob import SourceBlob

# Both schemas that Event Grid delivers in have these: its own (`topic`), and CloudEvents 1.0 (`source`).
_SUBJECT: Final = re.compile(r"/blobServices/default/containers/([^/]+)/blobs/(.+)", re.DOTALL)
_ACCOUNT: Final = re.compile(r"/storageAccounts/([a-z0-9]{3,24})\Z", re.IGNORECASE)


def announced_blob(message: bytes) -> SourceBlob:
    """Read which blob a message is about; the name is in the subject as it is stored, unlike in the URL.

    Raises:
        AnnouncementError: The message is no event about a blob.

    """
    try:
        event = orjson.loads(message)
    except orjson.JSONDecodeError as error:
        raise AnnouncementError(f"the message is no JSON: {error.msg}") from None
    if not isinstance(event, dict):
        raise AnnouncementError("the message is no event")
    account = _ACCOUNT.search(str(event.get("topic") or event.get("source") or ""))
    subject = _SUBJECT.fullmatch(str(event.get("subject") or ""))
    if account is None or subject is None:
        raise AnnouncementError("the event names no storage account, or no blob")
    return SourceBlob(account.group(1).lower(), subject.group(1), subject.group(2))
