"""The bench runs to its end, tells each figure, and leaves nothing behind."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

PROJECT = Path(__file__).resolve().parents[2]
REFERENCES = {"reference: bytes to flows", "floor: orjson.loads", "copy of the output"}
STAGES = {"scanner, parsing included", "parse", "scan: the scanner less parse", "decode and encode"}
STAGES |= {"decode and encode 8 keys", "pack, none", "pack, gzip", "records to events, none", "records to events, gzip"}
COMPLETE = {"bytes to flows", "bytes to events, none", "bytes to events, gzip"}
EXTRAS = {"records to events: gzip's extra over none", "bytes to events: gzip's extra over none"}
SCHEMAS = ("ocsf", "ecs", "asim")
IN_SCHEMAS = {f"bytes to events, {schema}" for schema in SCHEMAS}
IN_SCHEMAS |= {f"flows a second in {schema}, of those in flow" for schema in SCHEMAS}
DIVERSE = ["VNet v4", "NSG v2", "VNet v4, quiet"]
DOCUMENTS = [*DIVERSE, *(f"{subject}, few peers" for subject in DIVERSE)]


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 # our own program
        [sys.executable, "-m", "bench", *arguments],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture(scope="module")
def quick(quick_run: tuple[str, Path]) -> tuple[str, dict[str, Any]]:
    """A quick run's table, and its JSON."""
    table, file = quick_run
    return table, json.loads(file.read_text())


def figures(content: dict[str, Any], section: str, subject: str) -> dict[tuple[str, str | None], float]:
    """Give the values of a section and subject, by figure and clock."""
    rows = [row for row in content["rows"] if (row["section"], row["subject"]) == (section, subject)]
    found = {(row["figure"], row["clock"]): row["value"] for row in rows}
    assert len(found) == len(rows)
    return found


@pytest.mark.parametrize("subject", DOCUMENTS)
def test_each_stage_has_a_rate_beside_the_references(quick: tuple[str, dict[str, Any]], subject: str) -> None:
    _, content = quick
    found = figures(content, "stages", subject)

    assert {figure for figure, clock in found if clock} == REFERENCES | STAGES | COMPLETE | EXTRAS | IN_SCHEMAS
    assert found["flows in it", None] > 2000
    for row in content["rows"]:
        if row["section"] == "stages" and row["unit"] == "flows/s":
            assert min(row[key] for key in ("value", "megabytes", "times_reference", "times_floor", "times_copy")) > 0


def test_sizes_of_events_are_told(quick: tuple[str, dict[str, Any]]) -> None:
    _, content = quick

    for subject in DOCUMENTS:
        found = figures(content, "events", subject)
        assert 0 < found["body, gzip", None] < found["body, none", None]
    fills = {figure: fill for (figure, _), fill in figures(content, "events", "VNet v4").items() if "fill" in figure}
    assert len(fills) == 8
    assert all(0 < fill <= 100 for fill in fills.values())


def test_sweeps_are_told_by_both_clocks(quick: tuple[str, dict[str, Any]]) -> None:
    _, content = quick
    found = figures(content, "sweeps", "20 interfaces")

    for figure in ("all complete, first sweep", "all complete, later sweeps", "all appended to"):
        assert found[figure, "processor"] > 0
        assert found[figure, "wall"] > 0


def test_a_batch_of_announcements_stands_beside_a_run_for_each(quick: tuple[str, dict[str, Any]]) -> None:
    found = figures(quick[1], "announced", "VNet v4")

    assert found["appends at once", None] == 10
    for figure in ("a run each", "one batch"):
        assert found[f"{figure}, storage requests an append", None] == 4
        assert min(found[f"{figure}, an append", clock] for clock in ("processor", "wall")) > 0
    assert found["one batch, of a run each", "processor"] > 0


def test_services_and_appends_are_told_by_both_clocks(quick: tuple[str, dict[str, Any]]) -> None:
    _, content = quick
    clocks = ("wall", "processor")

    services = figures(content, "services", "VNet v4")
    assert set(services) == {
        (name, clock) for name in ("read", "send, none", "send, gzip", "commit") for clock in clocks
    }
    assert min(services.values()) > 0
    for subject in ("VNet v4", "NSG v2"):
        appends = figures(content, "appends", subject)
        assert {("run", clock) for clock in clocks} < set(appends)
        assert appends["flows a run, mean", None] >= 200
        assert appends["storage requests a run, mean", None] >= 4
        assert appends["sends a run, mean", None] >= 1
        assert appends["bytes read for each appended, mean", None] >= 1


def test_sums_of_a_minute_take_a_tenth_of_the_bytes_of_a_line_for_each_pass(
    quick: tuple[str, dict[str, Any]],
) -> None:
    found = figures(quick[1], "telemetry", "20 interfaces")

    assert 0 < found["sums, for each append", None] < found["a line for each pass, mean", None] / 10
    assert found["a line of sums, mean", None] > 100


@pytest.mark.parametrize("variant", ["VNet v4, none", "NSG v2, none", "VNet v4, gzip"])
def test_a_backlog_is_told_with_its_memory(quick: tuple[str, dict[str, Any]], variant: str) -> None:
    found = figures(quick[1], "backlog", variant)

    assert min(found["forwarded", "wall"], found["forwarded", "processor"]) > 0
    assert found["memory at the peak", None] >= found["memory at the start", None] > 10
    assert found["bytes read for each of the blob", None] >= 1


def test_the_cold_start_is_a_difference(quick: tuple[str, dict[str, Any]]) -> None:
    found = figures(quick[1], "cold-start", "fresh interpreter")

    assert min(found["memory with the app", None], found["memory with its packages alone", None]) > 10
    assert ("memory with the app less its packages", None) in found
    for clock in ("wall", "processor"):
        assert min(found["import of the app", clock], found["import of its packages alone", clock]) > 0
        assert ("import of the app less its packages", clock) in found


def test_the_table_shows_each_row_and_the_json_what_it_was_measured_on(quick: tuple[str, dict[str, Any]]) -> None:
    table, content = quick

    lines = table.splitlines()
    for row in content["rows"]:
        assert any(line.strip() == f"{row['section']} · {row['subject']}" for line in lines)
        assert any(line.strip().startswith(f"{row['figure']}  ") for line in lines)
        assert row["unit"] in table
    assert len([line for line in lines if line.startswith("   ")]) == len(content["rows"])
    assert content["machine"]["cores"] >= 1
    assert content["machine"]["loadBefore"] >= 0
    assert {"python", "orjson", "isal", "azure-eventhub", "azure-storage-blob"} == set(content["versions"])
    assert content["date"].startswith("20")


def test_json_on_standard_output_stands_alone() -> None:
    ended = bench("--quick", "--only", "events", "--json", "-")

    assert (ended.returncode, ended.stderr) == (0, "")
    assert {row["section"] for row in json.loads(ended.stdout)["rows"]} == {"events"}


@pytest.mark.parametrize(
    "arguments",
    [["--only", "nothing"], ["--repeats", "0"], ["--sweep-interfaces", "0"], ["--json", "/no/such/folder/b.json"]],
)
def test_wrong_usage_is_told_before_anything_is_measured(arguments: list[str]) -> None:
    ended = bench(*arguments)

    assert ended.returncode == 2
    assert arguments[0] in ended.stderr


def test_ctrl_c_ends_every_process() -> None:
    command = [sys.executable, "-m", "bench", "--only", "backlog", "--backlog-mib", "8"]
    with subprocess.Popen(command, cwd=PROJECT, stderr=subprocess.PIPE, text=True, process_group=0) as running:  # noqa: S603 # our own program
        try:
            children = wait_for_children(running, 3)  # Azurite, the hub, and the app's worker
            running.send_signal(signal.SIGINT)
            _, told = running.communicate(timeout=60)
        finally:
            running.kill()

    assert running.returncode == 130
    assert told.strip() == "bench: ended by Ctrl-C"
    wait_until_ended(children)  # one that had only just been started ends by itself, with its standard input


def wait_for_children(process: subprocess.Popen[str], count: int) -> list[int]:
    deadline = time.monotonic() + 30
    while len(children := children_of(process.pid)) < count:
        assert process.poll() is None
        assert time.monotonic() < deadline
    return children


def wait_until_ended(pids: list[int]) -> None:
    deadline = time.monotonic() + 30
    while running := [pid for pid in pids if state_and_parent_of(pid)[0] not in {"", "Z"}]:
        assert time.monotonic() < deadline, running


def children_of(pid: int) -> list[int]:
    pids = [int(each.name) for each in Path("/proc").glob("[0-9]*")]
    return [each for each in pids if state_and_parent_of(each)[1] == str(pid)]


def state_and_parent_of(pid: int) -> tuple[str, str]:
    """Give a process's state and its parent's id (proc_pid_stat(5)); empty where it is gone."""
    try:
        state, parent, *_ = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return "", ""
    return state, parent
