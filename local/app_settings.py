"""The app's settings in a local run: kept apart from those of the shell, and offered to another one."""

import os
import shlex
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self

_PROJECT: Final = Path(__file__).resolve().parent.parent

# Environment variables that begin so are settings of the app, or of the host on its behalf (AzureWebJobs…).
_PREFIXES: Final = ("FLOWLOG_", "FlowLogStorage", "FlowLogEventHub", "AzureWebJobs")


def without_app_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment without the app's settings.

    Those of the shell that a run or a test is started in may be of another deployment: with one of them, the app would
    forward something else, or in another form, than is expected of it.
    """
    return {name: value for name, value in environment.items() if not name.startswith(_PREFIXES)}


class SettingsFile:
    """A file of shell commands that makes a run's settings those of another shell; a context manager.

    The file is there from entry to exit, for its owner only. It is the newest run's: a run replaces what an earlier one
    has left, and removes the file at its end unless a newer run has replaced it. Only a killed run leaves it; its
    commands then complain.
    """

    def __init__(self, file: Path, settings: Mapping[str, str]) -> None:
        """Prepare; nothing is written before entry."""
        self._file = file
        self._text = _write_commands(settings)

    def __enter__(self) -> Self:
        """Write the file, and its folder where there is none.

        Raises:
            OSError: It can't be written.

        """
        self._file.parent.mkdir(parents=True, exist_ok=True)
        # A new file, readable by its owner alone from its first byte on, takes the place of whatever is there.
        descriptor, name = tempfile.mkstemp(dir=self._file.parent, prefix=f"{self._file.name}.")
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(self._text)
        Path(name).replace(self._file)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove the file, unless another run has replaced it."""
        if self._file.exists() and self._file.read_text("utf-8") == self._text:
            self._file.unlink()


def _write_commands(settings: Mapping[str, str]) -> str:
    """Write commands for any POSIX shell: forget its settings of the app, export these, and define `flowlog`."""
    process = os.getpid()
    python = f"PYTHONPATH={shlex.quote(str(_PROJECT))} {shlex.quote(sys.executable)}"
    lines = [
        f"# The app settings of the local run with process id {process}, for `. FILE` in another shell.",
        f"kill -0 {process} 2>/dev/null || echo 'env.sh: this run has ended; source the file of a new one' >&2",
        f"eval \"$(env | sed -nE 's/^(({'|'.join(_PREFIXES)})[A-Za-z0-9_]*)=.*/unset \\1/p')\"",
        *(f"export {name}={shlex.quote(value)}" for name, value in settings.items()),
        f'flowlog() {{ {python} -m flowlog_core "$@"; }}',
    ]
    return "\n".join(lines) + "\n"
