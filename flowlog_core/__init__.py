"""Forwards Azure network flow logs to Event Hubs. Public: `read_flows`, `SourceBlob`, `FlowLogError`."""

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

# Before any other module is imported: an earlier Python does not read their syntax, and that of 3.11.2 has a fault in
# possessive quantifiers, by which sound records would be refused.
if sys.version_info < (3, 13):  # noqa: UP036 # a folder that is copied, as the app is, meets no installer
    raise ImportError(
        f"flowlog_core needs Python 3.13 or later, and this is {'.'.join(map(str, sys.version_info[:3]))}"
    )

if TYPE_CHECKING:
    from flowlog_core.errors import FlowLogError as FlowLogError
    from flowlog_core.reading import read_flows as read_flows
    from flowlog_core.source.blob import SourceBlob as SourceBlob

__version__ = "0.1.0"
__all__ = ["FlowLogError", "SourceBlob", "__version__", "read_flows"]

# Imported when first used: every start of the app imports this package, and needs none of them from here.
_PUBLIC: Final = {
    "FlowLogError": "flowlog_core.errors",
    "SourceBlob": "flowlog_core.source.blob",
    "read_flows": "flowlog_core.reading",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 # whatever the name stands for
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_PUBLIC[name]), name)
