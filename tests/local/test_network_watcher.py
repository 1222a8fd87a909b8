"""The simulated Network Watcher puts its records where the real one would, and tells of them in time."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from azure.storage.blob import BlobServiceClient

from local.azurite import Azurite
from local.network_watcher.blob_stores import Folder, StorageAccount
from local.network_watcher.expected import Expected
from local.network_watcher.fleet import fleet
from local.network_watcher.records import Oddities
from local.network_watcher.writer import NetworkWatcher, Written, main, write_backlog
from tests.local.flow_log_reader import read, tuples

ROOT = Path(__file__).parents[2]
MINUTE = int(datetime(2026, 11, 20, 9, tzinfo=UTC).timestamp()) // 60
"""An hour's first."""


@pytest.fixture(scope="module")
def client() -> Iterator[BlobServiceClient]:
    with Azurite() as azurite, BlobServiceClient.from_connection_string(azurite.connection_string) as client:
        yield client


def documents(folder: Path) -> dict[str, bytes]:
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("PT1H.json")}


def watcher(store: Folder | StorageAccount, first_minute: int, truths: list[Expected] | None = None) -> NetworkWatcher:
    return NetworkWatcher(
        store,
        fleet(5, "4"),
        first_minute=first_minute,
        per_minute=30,
        seed="4",
        oddities=Oddities(forms=True, hostile=True),
        sink=None if truths is None else truths.append,
    )


def test_a_new_hour_begins_a_new_blob_with_flows_of_the_hour_before(tmp_path: Path) -> None:
    truths: list[Expected] = []
    watcher(Folder(tmp_path), MINUTE + 58, truths).run(minutes=4)
    written = documents(tmp_path)
    assert len(written) == 10
    assert Counter(re.findall(r"/h=(\d\d)/", " ".join(written))) == {"09": 5, "10": 5}
    for name, document in written.items():
        mine = [truth for truth in truths if truth.blob == f"local/{name}"]
        assert len(mine) == 2
        found = read(document, f"local/{name}")
        assert found.flows == [flow for truth in mine for flow in truth.flows]
        assert found.quarantined == [one for truth in mine for one in truth.quarantined]
    assert any(
        "/h=10/" in truth.blob and str(flow["time"]) < "2026-11-20T10" for truth in truths for flow in truth.flows
    )


def test_the_sink_hears_of_an_append_before_it_is_committed(tmp_path: Path) -> None:
    heard: list[int] = []

    def sink(expected: Expected) -> None:
        file = tmp_path / expected.blob.removeprefix("local/")
        size = file.stat().st_size if file.exists() else 0
        heard.append(len(expected.flows))
        assert all(int(str(flow["id"]).split("-")[1]) > size - 2 for flow in expected.flows)

    total = Written()
    source = NetworkWatcher(Folder(tmp_path), fleet(2, "1"), first_minute=MINUTE, per_minute=50, seed="1", sink=sink)
    for _ in range(3):
        total += source.minute()
    assert total.flows == sum(heard)
    assert total.appends == len(heard) == 6
    assert total.minutes == 3
    assert total.size == sum(len(document) - 14 - 2 for document in documents(tmp_path).values())


def test_a_second_run_in_the_same_hour_goes_on_where_the_first_ended(tmp_path: Path) -> None:
    watcher(Folder(tmp_path), MINUTE).run(minutes=2)
    first = documents(tmp_path)
    watcher(Folder(tmp_path), MINUTE + 2).run(minutes=2)
    for name, document in documents(tmp_path).items():
        assert document.startswith(first[name][:-2] + b",{")
        assert len(json.loads(document)["records"]) == 4


def test_a_run_ends_after_the_minute_under_way_once_it_is_stopped(tmp_path: Path) -> None:
    stop = threading.Event()
    reports: list[Written] = []

    def report(written: Written) -> None:
        reports.append(written)
        assert len(reports) <= 3
        if len(reports) == 3:
            stop.set()

    watcher(Folder(tmp_path), MINUTE).run(stop=stop, report=report, interval=0.01)
    assert len(reports) == 3


def test_a_backlog_is_one_document_with_as_many_flows_as_told(tmp_path: Path) -> None:
    backlog = write_backlog(Folder(tmp_path), fleet(1, "1")[0], MINUTE, 5 * 2**20, "1")
    document = (tmp_path / backlog.container / backlog.name).read_bytes()
    records = json.loads(document)["records"]
    assert 5 * 2**20 <= backlog.size == len(document) < 11 * 2**20
    assert backlog.records == len(records)
    assert backlog.flows == sum(1 for record in records for _ in tuples(record))


def test_azurite_holds_the_same_bytes_in_blocks_with_the_ids_of_the_real_writer(
    tmp_path: Path, client: BlobServiceClient
) -> None:
    truths: list[Expected] = []
    watcher(Folder(tmp_path), MINUTE + 57).run(minutes=5)
    watcher(StorageAccount(client), MINUTE + 57, truths).run(minutes=5)
    written = documents(tmp_path)
    assert {truth.blob for truth in truths} == {f"devstoreaccount1/{name}" for name in written}
    for name, document in written.items():
        blob = client.get_blob_client(*name.split("/", 1))
        committed, uncommitted = blob.get_block_list("all")
        opener, *data, closer = (block.id for block in committed)
        assert blob.download_blob().readall() == document
        assert (opener, closer) == ("A" + "0" * 32, "Z" + "0" * 32)
        assert all(re.fullmatch("D[0-9A-F]{32}", block_id) for block_id in data)
        assert len(data) == (3 if "/h=09/" in name else 2)
        assert not uncommitted


def test_a_second_run_on_azurite_goes_on_from_the_committed_blocks(client: BlobServiceClient) -> None:
    watcher(StorageAccount(client), MINUTE + 120).run(minutes=2)
    truths: list[Expected] = []
    watcher(StorageAccount(client), MINUTE + 122, truths).run(minutes=2)
    for blob in {truth.blob for truth in truths}:
        _, container, name = blob.split("/", 2)
        document = client.get_blob_client(container, name).download_blob().readall()
        assert len(json.loads(document)["records"]) == 4
        late = [flow for truth in truths if truth.blob == blob for flow in truth.flows]
        assert read(document, blob).flows[-len(late) :] == late


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "local.network_watcher", *arguments]


def test_the_command_writes_the_same_files_every_time(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [
        "--interfaces",
        "5",
        "--flows-per-minute",
        "20",
        "--minutes",
        "3",
        "--start",
        "2026-11-20T09:58",
        "--hostile",
    ]
    assert main([*arguments, "--out", str(tmp_path / "one")]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("3 minutes: 15 appends, ")
    environment = os.environ | {"PYTHONHASHSEED": "77"}
    subprocess.run(  # noqa: S603  a fixed command
        command(*arguments, "--out", str(tmp_path / "two")), cwd=ROOT, env=environment, check=True, capture_output=True
    )
    assert documents(tmp_path / "one") == documents(tmp_path / "two")
    assert len(documents(tmp_path / "one")) == 10


def test_control_c_ends_the_command_with_a_summary(tmp_path: Path) -> None:
    arguments = command("--out", str(tmp_path), "--interval", "60")
    with subprocess.Popen(  # noqa: S603  a fixed command
        arguments, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert "5 appends" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert out.splitlines()[-1].startswith("1 minutes: 5 appends, ")
    assert (process.returncode, err) == (0, "")


def test_the_command_writes_a_backlog(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--out", str(tmp_path), "--backlog-mib", "1"]) == 0
    assert "flows=" in capsys.readouterr().out
    assert len(documents(tmp_path)) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--out", "x", "--connection-string", "y"],
        ["--out", "x", "--interfaces", "0"],
        ["--out", "x", "--start", "soon"],
    ],
)
def test_wrong_usage_ends_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "usage:" in capsys.readouterr().err


def test_a_connection_string_that_is_none_is_told_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--connection-string", "nonsense", "--minutes", "1"]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_the_simulator_shares_no_code_with_the_forwarder() -> None:
    names = ("traffic", "layouts", "records", "expected", "fleet", "block_blob", "blob_stores", "network_watcher")
    assert not [name for name in names if "flowlog_core" in (ROOT / "local" / f"{name}.py").read_text()]
