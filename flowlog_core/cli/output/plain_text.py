"""Plain text: that of others made safe to show, so that it commands no terminal and holds no secret; and numbers."""

import re
from typing import Final

_PLAIN: Final = bytes(range(0x20, 0x7F)) + b"\n"
_HIDDEN: Final = "…"
# Shared access signatures and account keys, as connection strings and URLs have them, and the passwords of URLs, which
# as paths of files have one slash.
_SECRET: Final = re.compile(
    r"(?i)((?:(?<![a-z])sig|AccountKey|SharedAccessKey|SharedAccessSignature)[ \t]*=[ \t]*)[^&;\s'\"]+"
    r"|(:/{1,2}[^/\s:@'\"]*:)[^/\s'\"]+(?=@)"
)
# What comes first in it is rare, and so found at once.
_VALUE: Final = re.compile(r"=(?:(?<=[ \t]=)|(?i:(?<=sig=)|(?<=Key=)|(?<=Signature=)))")


def printable(text: str) -> str:
    """Write whatever has no shape of its own (control characters, line ends, marks of direction) as its escape."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def may_hold_secret(text: str) -> bool:
    """Whether a text, of megabytes perhaps, has what stands beside any secret."""
    return "@" in text or ("=" in text and _VALUE.search(text) is not None)


def redacted(text: str) -> str:
    """Leave out signatures, account keys and the passwords of URLs."""
    return _SECRET.sub(rf"\1\2{_HIDDEN}", text) if may_hold_secret(text) else text


def safe(text: str) -> str:
    """Make text safe whose line ends are ours: without secrets, and printable but for those line ends."""
    text = redacted(text)
    if text.isascii() and not text.encode().translate(None, _PLAIN):
        return text
    return "\n".join(map(printable, text.split("\n")))


def safe_line(text: str) -> str:
    """Make text safe that is to be one line, whatever line ends are in it."""
    return printable(redacted(text))


def counted(count: int, noun: str) -> str:
    """Write a number of things: ``1 item``, ``1,024 items``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
