"""The gate: whatever names a blob from outside passes one check before any request is made for it.

A queue message or a hand-made event subscription can name any blob, and the storage client resolves ``.`` and ``..`` in
a name: unchecked, one could be read from any container, take another blob's checkpoint, or create a blob elsewhere.
"""

import re
from dataclasses import dataclass
from typing import Final

from flowlog_core.source.blob import FLOW_LOG_SUFFIX, SourceBlob

_NAME_LIMIT: Final = 1024  # characters (learn.microsoft.com, "Naming and referencing containers, blobs")
_SHOWN_LIMIT: Final = 256
_UNSAFE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")  # control characters, and halves of characters
_RESOLVED: Final = frozenset({"", ".", ".."})  # by whatever handles URLs
_ADDRESS: Final = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}|[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Gate:
    """Admits the flow logs that the settings name, and nothing else.

    Attributes:
        places: Storage account and container of each place that is watched.

    """

    places: frozenset[tuple[str, str]]

    def refusal(self, blob: SourceBlob) -> str | None:
        """Say why a blob does not pass, in words that hold nothing of its name; None where it passes."""
        if all(blob.account != account for account, _ in self.places):
            return "its storage account is none of FLOWLOG_SOURCES"
        if (blob.account, blob.container) not in self.places:
            return "its container is none of FLOWLOG_CONTAINERS"
        if not blob.is_flow_log:
            return f"its name does not end in {FLOW_LOG_SUFFIX}"
        return name_fault(blob.name)


def name_fault(name: str) -> str | None:
    """Say why a blob's name can't be used as it is in a request; None where it can.

    Holds for any container: storage takes some of these names, and the client turns them into other ones.
    """
    if not 1 <= len(name) <= _NAME_LIMIT:
        return f"its name has {len(name)} characters, where storage takes 1 to {_NAME_LIMIT}"
    if _UNSAFE.search(name):
        return "its name has a control character"
    if not _RESOLVED.isdisjoint(name.split("/")):
        return "its name has an empty segment, or one that is . or .."
    return None


def outside_text(text: str) -> str:
    """Make a text from outside fit for a log line: no control characters, no IP address, and cut at 256 characters."""
    cut = f"{text[: _SHOWN_LIMIT - 1]}…" if len(text) > _SHOWN_LIMIT else text
    return _ADDRESS.sub("…", _UNSAFE.sub("\N{REPLACEMENT CHARACTER}", cut))
