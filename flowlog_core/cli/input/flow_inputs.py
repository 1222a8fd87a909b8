"""Logs to read: files, standard input, and blobs by their URLs."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_READ_BYTES: Final = 1024 * 1024


def is_url(name: str) -> bool:
    """Tell a blob's URL from a file's name."""
    return name.startswith(("https://", "http://"))


def file_bytes(name: str) -> Iterator[bytes]:
    """Read a file, or standard input where the name is ``-``.

    Raises:
        OSError: It can't be read.

    """
    if name == "-":
        while data := sys.stdin.buffer.read(_READ_BYTES):
            yield data
        return
    with Path(name).open("rb") as stream:
        while data := stream.read(_READ_BYTES):
            yield data
