"""The simulated Network Watcher puts its records where the real one would, and announces them in time."""

import json
import re
import threading
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from azure.storage.blob import BlobServiceClient

from flowlog_core import read_flows
from local.azurite import Azurite
from local.network_watcher.blob_stores import Folder, StorageAccount
from local.network_watcher.expected import Expected
from local.network_watcher.fleet import fleet
from local.network_watcher.records import Oddities
from local.network_watcher.writer import NetworkWatcher, Written, write_backlog
from tests.local.network_watcher.flow_log_reader import documents, read, tuples

ROOT = Path(__file__).parents[3]
MINUTE = int(datetime(2026, 11, 20, 9, tzinfo=UTC).timestamp()) // 60
"""An hour's first."""


@pytest.fixture(scope="module")
def client() -> Iterator[BlobServiceClient]:
    with Azurite() as azurite, BlobServiceClient.from_connection_string(azurite.connection_string) as client:
        yield client


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


def test_a_backlog_is_one_document_with_as_many_flows_as_it_says(tmp_path: Path) -> None:
    backlog = write_backlog(Folder(tmp_path), fleet(1, "1")[0], MINUTE, 5 * 2**20, "1")
    document = (tmp_path / backlog.container / backlog.name).read_bytes()
    records = json.loads(document)["records"]
    assert 5 * 2**20 <= backlog.size == len(document) < 11 * 2**20
    assert backlog.records == len(records)
    assert backlog.flows == sum(1 for record in records for _ in tuples(record))


def test_a_backlog_counts_the_flows_that_can_be_read(tmp_path: Path) -> None:
    backlog = write_backlog(Folder(tmp_path), fleet(1, "1")[0], MINUTE, 2**20, "1", oddities=Oddities(hostile=True))
    refused: list[object] = []
    flows = list(read_flows(tmp_path / backlog.container / backlog.name, on_refused=refused.append))

    assert backlog.flows == len(flows) > 0
    assert refused


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


def test_the_simulator_shares_no_code_with_the_forwarder() -> None:
    modules = list((ROOT / "local" / "network_watcher").glob("*.py"))
    assert len(modules) > 8
    assert not [module.name for module in modules if "flowlog_core" in module.read_text()]
