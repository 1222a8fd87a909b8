"""The stand-in for Event Hubs as a server: what it says of itself, its start and stop, its command."""

import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from azure.eventhub import EventData, EventHubProducerClient
from azure.eventhub.exceptions import ConnectError

from local.event_hub.__main__ import main
from local.event_hub.server import EventHub
from tests.local.event_hub.clients import DEADLINE, View, batch_of, bodies, producing
from tests.support.hubs import OpenHub

PROJECT = Path(__file__).parents[3]


def test_management_describes_hub_and_partition(hub: View, producer: EventHubProducerClient) -> None:
    producer.send_batch(batch_of(producer, b"one", b"two", partition="1"))
    described, partition = producer.get_eventhub_properties(), producer.get_partition_properties("1")

    last = hub.events(1)[-1]
    assert described["eventhub_name"] == "flowlogs"
    assert described["partition_ids"] == ["0", "1"]
    assert described["created_at"] <= last.enqueued_time
    assert partition == {
        "eventhub_name": "flowlogs",
        "id": "1",
        "beginning_sequence_number": 0,
        "last_enqueued_sequence_number": last.sequence_number,
        "last_enqueued_offset": last.offset,
        "is_empty": False,
        "last_enqueued_time_utc": last.enqueued_time,
    }


def test_management_does_not_know_another_hub(running: EventHub) -> None:
    with producing(running, "other", retries=0) as client, pytest.raises(ConnectError, match="404"):
        client.get_partition_ids()


def test_a_namespace_may_have_several_hubs_and_none_gets_the_events_of_another(open_hub: OpenHub) -> None:
    hub = open_hub(partitions=1, others=("second",))
    with producing(hub) as first, producing(hub, "second") as second:
        first.send_event(EventData(b"one"))
        second.send_event(EventData(b"two"))
        assert second.get_eventhub_properties()["eventhub_name"] == "second"
        assert second.get_partition_properties("0")["last_enqueued_sequence_number"] == 0

    assert bodies(hub.events()) == [b"one"]
    assert hub.counters().events == 2


def test_a_client_comes_back_after_a_closed_connection_and_after_a_restart(open_hub: OpenHub) -> None:
    hub = open_hub(partitions=1)
    with producing(hub) as producer:
        producer.send_event(EventData(b"one"))
        hub.close_connections()
        producer.send_event(EventData(b"two"))
        port = hub.port
        hub.stop()
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.1", port))
        hub.start()
        producer.send_event(EventData(b"three"))

        assert hub.port == port
        assert bodies(hub.events()) == [b"one", b"two", b"three"]


def hub_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("event hub")]


def test_stopping_ends_the_thread() -> None:
    before = hub_threads()
    hub = EventHub("stopping")
    hub.start()
    assert hub_threads() == [*before, "event hub stopping"]
    hub.stop()
    hub.stop()

    assert hub_threads() == before


def test_a_taken_port_is_an_error_and_leaves_no_thread(running: EventHub) -> None:
    before = hub_threads()
    with pytest.raises(OSError, match="address already in use"):
        EventHub(port=running.port).start()

    assert hub_threads() == before


def test_a_hub_is_not_started_twice(running: EventHub) -> None:
    with pytest.raises(RuntimeError, match="running already"):
        running.start()


@contextmanager
def running_command(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = subprocess.Popen(  # noqa: S603  (a fixed command)
        [sys.executable, "-m", "local.event_hub", *arguments], cwd=PROJECT, stdout=subprocess.PIPE, text=True
    )
    try:
        yield command
    finally:
        command.kill()
        command.communicate()


def test_the_command_serves_until_interrupted() -> None:
    with running_command("--port", "0", "--name", "other", "--partitions", "3") as command:
        assert command.stdout is not None
        connection_string = command.stdout.readline().strip()
        with EventHubProducerClient.from_connection_string(connection_string, eventhub_name="other") as producer:
            described = producer.get_partition_properties("2")
        command.send_signal(signal.SIGINT)

        assert command.wait(DEADLINE) == 0
    assert (described["eventhub_name"], described["id"], described["is_empty"]) == ("other", "2", True)
    assert (described["last_enqueued_sequence_number"], described["last_enqueued_offset"]) == (-1, "-1")


def test_the_command_says_when_its_port_is_taken(running: EventHub) -> None:
    with pytest.raises(SystemExit, match=f"can't listen on port {running.port}: "):
        main(["--port", str(running.port)])


def test_the_command_shows_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])

    assert ended.value.code == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "python -m local.event_hub --port 5672 --name flowlogs --partitions 4" in shown
