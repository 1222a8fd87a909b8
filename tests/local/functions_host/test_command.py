"""The host's command line: what it takes on standard input and from files, and what it writes when it can't serve."""

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from azure.storage.blob import BlobServiceClient

from local.azurite import Azurite
from local.child_process import ChildProcess

APP = Path(__file__).parent / "sample_app"
PROJECT = Path(__file__).parents[3]
NEVER = "0 0 0 1 1 *"


@pytest.fixture
def storage() -> Iterator[Azurite]:
    with Azurite() as azurite:
        yield azurite


def test_an_app_that_can_not_be_imported_ends_the_host_with_its_error_in_one_line() -> None:
    environment = os.environ | {"SAMPLE_FAULT": "FLOWLOG_FIELDS: unknown key\nFLOWLOG_START: no time"}
    command = [sys.executable, "-m", "local.functions_host", "--app", str(APP)]

    ended = subprocess.run(command, env=environment, cwd=PROJECT, capture_output=True, text=True, check=False)  # noqa: S603  a fixed command

    fault = json.loads(ended.stdout)
    assert ended.returncode == 1
    assert fault["event"] == "host.fault"
    assert fault["error"] == "ValueError: FLOWLOG_FIELDS: unknown key\nFLOWLOG_START: no time"
    assert ended.stderr == ""


def test_the_host_ends_with_its_command_input(storage: Azurite) -> None:
    settings = {"SampleStorage": storage.connection_string, "SAMPLE_SCHEDULE": NEVER}
    command = [sys.executable, "-m", "local.functions_host", "--app", str(APP), "--commands"]

    ended = subprocess.run(  # noqa: S603  a fixed command
        command,
        env=os.environ | settings,
        cwd=PROJECT,
        input="fire nobody\nhalt\n",
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )

    events = [json.loads(line) for line in ended.stdout.splitlines()]
    failed = [event["error"] for event in events if event["event"] == "host.command_failed"]
    assert ended.returncode == 0
    assert events[-1]["event"] == "host.stopped"
    assert failed == ["no timer 'nobody'; there are: tick, at_start", "no command 'halt'; there is: fire"]


def test_app_settings_come_from_a_settings_file_when_asked(storage: Azurite, tmp_path: Path) -> None:
    with BlobServiceClient.from_connection_string(storage.connection_string) as service:
        service.create_container("inbox").upload_blob("from settings.txt", b"text")
    file = tmp_path / "local.settings.json"
    file.write_text(
        json.dumps({"Values": {"SampleStorage": storage.connection_string, "SAMPLE_SCHEDULE": NEVER}}), "utf-8"
    )
    command = [sys.executable, "-m", "local.functions_host", "--app", str(APP), "--settings", str(file)]
    host = ChildProcess(command, folder=PROJECT)
    try:
        lines = (json.loads(host.line(number, timeout=10) or "{}") for number in itertools.count())
        assert next(line["blob"] for line in lines if line["event"] == "host.invoked" and "blob" in line)
        assert host.terminate(timeout=10) == 0
    finally:
        host.kill()
