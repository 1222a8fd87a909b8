"""What all commands share: usage, settings, faults."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from flowlog_core import __version__
from flowlog_core.cli import main
from flowlog_core.cli.input.arguments import point_in_time
from flowlog_core.errors import StorageError
from tests.integration.cli.site import Site

ROOT = Path(__file__).resolve().parents[3]


def test_without_a_command_it_says_which_there_are(site: Site) -> None:
    ran = site.run()

    assert ran.status == 2
    assert "COMMAND" in ran.err


def test_a_relative_time_is_read_as_well_as_an_absolute_one() -> None:
    assert (point_in_time("now") - point_in_time("2h ago")).total_seconds() == pytest.approx(7200, abs=5)
    assert point_in_time("2026-11-20T23:00").isoformat() == "2026-11-20T23:00:00+00:00"
    assert point_in_time("2026-11-20T23:00+02:00").isoformat() == "2026-11-20T21:00:00+00:00"


def test_a_file_that_is_no_log_is_told_in_one_line(site: Site, tmp_path: Path) -> None:
    file = tmp_path / "PT1H.json"
    file.write_text(json.dumps({"rows": []}))

    ran = site.run("decode", str(file))

    assert (ran.status, ran.out) == (2, "")
    assert ran.err.count("\n") == 1
    assert "not a flow log" in ran.err


def test_what_verbose_adds_holds_no_secret(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    endpoint = "BlobEndpoint=http://127.0.0.1:9/account;SharedAccessSignature=sv=2026-01-01&sig=s3cret%3D"
    monkeypatch.setenv("AzureWebJobsStorage", endpoint)

    def fail(*_: object) -> int:
        cause = OSError(f"no answer from http://127.0.0.1:9/account?sv=2026-01-01&sig=s3cret%3D by {endpoint}")
        raise StorageError("out of reach") from cause

    monkeypatch.setattr("flowlog_core.cli.status.connect", fail)

    ran = site.run("status", "--verbose")

    assert ran.status == 2
    assert "Traceback" in ran.err
    assert "no answer from http://127.0.0.1:9/account?sv=2026-01-01&sig=…" in ran.err
    assert "s3cret" not in ran.err


def test_ctrl_c_while_the_commands_are_being_imported_ends_without_a_traceback(tmp_path: Path) -> None:
    interrupting = tmp_path / "sitecustomize.py"
    interrupting.write_text(
        "import signal, sys\nsys.addaudithook(lambda name, args: name == 'import' and "
        "args[0] == 'flowlog_core.cli' and signal.raise_signal(signal.SIGINT))\n"
    )
    ended = subprocess.run(  # our own program
        [sys.executable, "-m", "flowlog_core", "status"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (ended.returncode, ended.stderr) == (130, "")


def test_output_that_cannot_be_written_is_told_in_a_line(site: Site) -> None:
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "flowlog_core", "status", "--json"],
            cwd=ROOT,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )

    assert (ended.returncode, ended.stderr) == (2, "flowlog: the output can't be written: No space left on device\n")


def test_a_container_that_is_not_watched_is_told(site: Site) -> None:
    ran = site.run("status", "--container", "insight-logs")

    assert (ran.status, ran.err) == (2, f"flowlog: --container insight-logs: FLOWLOG_CONTAINERS has {site.container}\n")


def test_on_a_narrow_terminal_no_figure_is_cut(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.put(site.blob(), 400)
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich takes it for a terminal, then
    monkeypatch.setenv("COLUMNS", "40")

    ran = site.run("status")

    assert site.container in ran.out
    assert "FlowLogStorage" in ran.out
    assert ran.out.count("kB") == 4  # appended and behind, of the hour and of all


def test_it_says_which_version_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])

    assert (ended.value.code, capsys.readouterr().out) == (0, f"flowlog {__version__}\n")


@pytest.mark.parametrize(
    ("command", "status"),
    [("status --max-lag 0s", 2), ("backfill --since 2d", 0), ("audit --since 2d", 2)],  # there is no flow log
)
def test_a_command_leaves_alone_what_the_app_will_never_forward(site: Site, command: str, status: int) -> None:
    site.put(site.blob(resource="NET/"))  # an empty segment in its name

    ran = site.run(*(f"{word} ago" if word == "2d" else word for word in command.split()))

    assert "NET//" not in ran.out + ran.err
    assert ran.status == status
