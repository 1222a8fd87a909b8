"""`make run`: the complete system as a process of its own, from its start to its comparison."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
EVERYTHING_ARRIVED = "every flow that was written arrived once, as written"

# Settings of the shell that have nothing to do with the run.
OTHER_SETTINGS = {
    "FLOWLOG_EVENT_COMPRESSION": "gzip",
    "FLOWLOG_EVENT_FORMAT": "json",
    "FLOWLOG_FIELDS": "id,time",
    "FLOWLOG_CONTAINERS": "others",
    "FLOWLOG_SOURCES": "Other",
    "FLOWLOG_NO_SUCH": "x",
    "FlowLogStorage__accountName": "other",
    "FlowLogEventHub": "Endpoint=sb://other.servicebus.windows.net;SharedAccessKeyName=x;SharedAccessKey=x",
    "AzureWebJobsStorage__credential": "managedidentity",
    "AzureWebJobs_sweep_Disabled": "true",
}

type Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start the system; whatever becomes of the test, it is ended."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str, **environment: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "local", "--interval", "1", "--settings-file", str(tmp_path / "env.sh")]
        process = subprocess.Popen(  # noqa: S603  this checkout's own program
            [*command, *arguments],
            cwd=PROJECT,
            env=os.environ | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def wait_for_line(process: subprocess.Popen[str], beginning: str) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith(beginning):
            return
    pytest.fail(f"the run ended without a line {beginning!r}")


def children_of(pid: int) -> list[int]:
    """Return the processes that a process started (of Linux)."""
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += [int(child) for child in (task / "children").read_text().split()]
    return found


def is_alive(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").exists()


def host_of(pid: int) -> int:
    """Return the process that runs the app."""
    (host,) = [
        child for child in children_of(pid) if b"local.functions_host" in Path(f"/proc/{child}/cmdline").read_bytes()
    ]
    return host


@contextmanager
def sourced(file: Path) -> Iterator[Callable[[str], subprocess.CompletedProcess[str]]]:
    """Run commands in another shell, which has sourced a file."""

    def run(command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603  this checkout's own program
            ["sh", "-c", f". {file}; {command}"],  # noqa: S607  wherever it is
            cwd=file.parent,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    yield run


def test_a_run_takes_no_settings_from_its_shell_and_ends_with_0_where_every_flow_arrived(start: Start) -> None:
    process = start("--seconds", "2", "--settle-seconds", "20", **OTHER_SETTINGS)
    output, _ = process.communicate(timeout=90)

    assert process.returncode == 0, output
    assert "DESTINATION" in output
    assert EVERYTHING_ARRIVED in output


def test_a_run_ends_with_1_where_flows_are_missing(start: Start) -> None:
    process = start("--seconds", "2")
    wait_for_line(process, "TIME")
    os.kill(host_of(process.pid), signal.SIGKILL)
    output, _ = process.communicate(timeout=60)

    assert process.returncode == 1
    assert "flows did not arrive" in output
    assert "FAULT: the app's host ended with status -9" in output


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_compares_and_ends_everything_that_it_started(
    start: Start, tmp_path: Path, number: signal.Signals
) -> None:
    process = start("--seconds", "600")
    wait_for_line(process, "TIME")
    children = children_of(process.pid)
    assert len(children) >= 2
    process.send_signal(number)
    output, _ = process.communicate(timeout=60)

    assert process.returncode == 0, output
    assert EVERYTHING_ARRIVED in output
    assert not any(is_alive(child) for child in children)
    assert not (tmp_path / "env.sh").exists()


def test_another_shell_can_watch_a_run(start: Start, tmp_path: Path) -> None:
    process = start("--interfaces", "1", "--flows-per-minute", "20")
    wait_for_line(process, "TIME")
    assert (tmp_path / "env.sh").stat().st_mode & 0o777 == 0o600
    with sourced(tmp_path / "env.sh") as shell:
        tail = shell("flowlog tail --from-start --count 3")
        status = shell("flowlog status --since '25h ago'")
        audit = shell("flowlog audit --since '25h ago'")
        backfill = shell("flowlog backfill --since '25h ago' --replay again")
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)

    assert (tail.returncode, len(tail.stdout.splitlines())) == (0, 4), tail.stderr
    assert "insights-logs-flowlogflowevent" in status.stdout, status.stderr
    assert "insights-logs-flowlogflowevent" in audit.stdout, audit.stderr
    assert backfill.returncode == 0, backfill.stderr
    assert EVERYTHING_ARRIVED in output
    assert "replayed" in output


def test_a_run_that_can_not_write_its_settings_ends_with_2(start: Start, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    process = start("--settings-file", str(tmp_path / "file" / "env.sh"))
    output, _ = process.communicate(timeout=60)

    assert process.returncode == 2
    assert "local: " in output.splitlines()[-1]
