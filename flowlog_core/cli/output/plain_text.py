"""Plain text: that of others made safe to show, so that nothing in it can command a terminal; and numbers of things."""


def printable(text: str) -> str:
    """Write whatever has no shape of its own (control characters, line ends, marks of direction) as its escape."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def counted(count: int, noun: str) -> str:
    """Write a number of things: ``1 item``, ``1,024 items``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
