"""The command ``report``."""

from flowlog_core.cli.report.command import add

__all__ = ["add"]
