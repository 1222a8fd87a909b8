"""The command ``quarantine``, and its actions."""

from flowlog_core.cli.quarantine.command import add

__all__ = ["add"]
