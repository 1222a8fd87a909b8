"""Hubs for tests, and the end of what the Event Hubs client leaves.

The client (5.15.1) leaves the socket of a connection that was cut to the garbage collector, and threads that sleep for
a second or two before they end. In whichever test ran by then, the unclosed socket would be an error.
"""

import gc
import re
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Final

import pytest

from local.event_hub.server import EventHub

type OpenHub = Callable[..., EventHub]
"""Opens a hub; takes what `EventHub` takes."""

_OF_CLIENTS: Final = re.compile(r"receiver|question|Thread-\d+ \((_load_balancing|_keep_alive|receive_batch)\)")
_END_SECONDS: Final = 10.0  # for each thread


@contextmanager
def hubs() -> Iterator[OpenHub]:
    """Yield a function that opens hubs; then stop them. Clients are to be closed before."""
    with ExitStack() as stack:

        def open_hub(*arguments: Any, **options: Any) -> EventHub:
            return stack.enter_context(EventHub(*arguments, **options))

        yield open_hub


@contextmanager
def clients_of(node: pytest.Collector) -> Iterator[None]:
    """Let the tests of a module open and close clients; at the module's end, end what the clients left."""
    warnings.filterwarnings("ignore", "unclosed <(socket|ssl)", ResourceWarning)  # until the module's first test ends
    node.add_marker(pytest.mark.filterwarnings("ignore:unclosed <(socket|ssl):ResourceWarning"))  # in those that follow
    yield
    for thread in threading.enumerate():
        if _OF_CLIENTS.fullmatch(thread.name):
            thread.join(_END_SECONDS)
            assert not thread.is_alive(), f"{thread.name} goes on: is its client closed?"
    gc.collect()
