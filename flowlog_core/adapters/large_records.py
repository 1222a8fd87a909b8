"""Memory that a process has taken, and the turn of the large records that take most of it; see `ports.Turn`."""

import ctypes
from threading import Lock
from typing import Final

_M_ARENA_MAX: Final = -8  # malloc.h of glibc


class LargeRecords:
    """A lock; whoever releases it returns to the system the memory that a large record took.

    glibc keeps what a thread has freed in an arena that few other threads use, so each thread that ever formed a large
    record would keep its memory. With one arena for all threads that begin from now on, and freed memory returned,
    sixteen threads with a record of 64 MiB each take 0.25 GB, and 2.1 GB without either
    (`tests/endurance/test_large_records.py`).
    """

    def __init__(self) -> None:
        self._lock = Lock()
        # What doesn't have these (another C library) has no such arenas.
        library = ctypes.CDLL(None)
        self._trim = getattr(library, "malloc_trim", None)
        if hasattr(library, "mallopt"):
            library.mallopt(_M_ARENA_MAX, 1)

    def acquire(self, *, timeout: float) -> bool:
        """See `ports.Turn`."""
        return self._lock.acquire(timeout=timeout)

    def release(self) -> None:
        """See `ports.Turn`."""
        if self._trim is not None:
            self._trim(0)
        self._lock.release()
