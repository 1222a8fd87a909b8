"""The stand-in for Event Hubs, seen through the azure-eventhub client."""

import asyncio
import gc
import signal
import socket
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar, Self

import pytest
from azure.eventhub import EventData, EventDataBatch, EventHubConsumerClient, EventHubProducerClient, PartitionContext
from azure.eventhub._pyamqp.types import TYPE, VALUE, AMQPTypes
from azure.eventhub.aio import EventHubConsumerClient as AioConsumerClient
from azure.eventhub.aio import EventHubProducerClient as AioProducerClient
from azure.eventhub.aio import PartitionContext as AioPartitionContext
from azure.eventhub.exceptions import ConnectError, ConnectionLostError, EventDataSendError

from local.event_hub.server import Counters, EventHub, StoredEvent, main

DEADLINE = 10.0  # seconds for anything to happen
PROJECT = Path(__file__).parents[2]

# azure-eventhub leaves its socket to the garbage collector where the server has cut the connection.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")


def producing(hub: EventHub, name: str = "flowlogs", retries: int = 2) -> EventHubProducerClient:
    """Make a producer whose retries don't wait."""
    return EventHubProducerClient.from_connection_string(
        hub.connection_string, eventhub_name=name, retry_total=retries, retry_backoff_factor=0
    )


def bodies(events: list[StoredEvent]) -> list[bytes]:
    return [event.body for event in events]


def long(value: int) -> dict[str, object]:
    """Tag an int for the client's codec, so that it is sent as an AMQP long."""
    return {TYPE: AMQPTypes.long, VALUE: value}


def batch_of(producer: EventHubProducerClient, *contents: bytes, partition: str | None = None) -> EventDataBatch:
    batch = producer.create_batch(partition_id=partition)
    for content in contents:
        batch.add(EventData(content))
    return batch


@pytest.fixture(scope="module")
def running() -> Iterator[EventHub]:
    """The hub that most tests share: the client takes half a second to open a producer, a second for a receiver."""
    with EventHub(partitions=2) as hub:
        yield hub


@pytest.fixture(scope="module")
def producer(running: EventHub) -> Iterator[EventHubProducerClient]:
    with producing(running) as producer:
        yield producer


class View:
    """The shared hub as if it had been made for this test: without what came before."""

    def __init__(self, hub: EventHub) -> None:
        self.hub = hub
        self.faults = hub.faults
        self._counters = hub.counters()
        self._events = [len(hub.events(partition)) for partition in range(2)]

    def events(self, partition: int | None = None) -> list[StoredEvent]:
        partitions = range(2) if partition is None else [partition]
        return [event for number in partitions for event in self.hub.events(number)[self._events[number] :]]

    def counters(self) -> Counters:
        now, then = self.hub.counters(), self._counters
        return Counters(
            accepted=now.accepted - then.accepted,
            rejected=now.rejected - then.rejected,
            dropped=now.dropped - then.dropped,
            events=now.events - then.events,
        )


@pytest.fixture
def hub(running: EventHub) -> Iterator[View]:
    yield View(running)
    running.faults.clear()


@pytest.fixture(scope="module", autouse=True)
def winding_up(running: EventHub) -> Iterator[None]:
    """Wait, once for all, for closed receivers: the client's own keep-alive threads take up to a second each."""
    yield
    for thread in Receiver.closed:
        thread.join(DEADLINE)
    gc.collect()  # while the filter above still holds


class Receiver:
    """A client that receives in a thread of its own, and what it has got so far from each partition, in order."""

    closed: ClassVar[list[threading.Thread]] = []

    def __init__(self, hub: EventHub, group: str = "$Default", **arguments: object) -> None:
        self.events: dict[str, list[EventData]] = defaultdict(list)
        self.problems: list[Exception] = []
        self._changed = threading.Condition()
        self._client = EventHubConsumerClient.from_connection_string(
            hub.connection_string, group, eventhub_name=hub.name, retry_total=0, retry_backoff_factor=0
        )
        arguments |= {"on_event_batch": self._on_events, "on_error": self._on_error}
        self._thread = threading.Thread(target=self._client.receive_batch, kwargs=arguments, daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()
        self.closed.append(self._thread)

    def _on_events(self, place: PartitionContext, events: list[EventData]) -> None:
        with self._changed:
            self.events[place.partition_id].extend(events)
            self._changed.notify_all()

    def _on_error(self, _: PartitionContext | None, problem: Exception) -> None:
        with self._changed:
            self.problems.append(problem)
            self._changed.notify_all()

    def wait_for(self, ready: Callable[[], object], deadline: float = DEADLINE) -> bool:
        with self._changed:
            return bool(self._changed.wait_for(ready, deadline))

    def got(self, stored: StoredEvent) -> EventData:
        """Wait for a stored event."""

        def find() -> list[EventData]:
            events = self.events[str(stored.partition)]
            return [event for event in events if event.sequence_number == stored.sequence_number]

        assert self.wait_for(find)
        return find()[0]

    def bodies(self, partition: int) -> list[bytes]:
        return [event.body_as_str().encode() for event in self.events[str(partition)]]


@pytest.fixture(scope="module")
def receiver(running: EventHub) -> Iterator[Receiver]:
    """Receives everything that the shared hub ever stores."""
    with Receiver(running, starting_position="-1") as receiver:
        yield receiver


def test_a_batch_is_stored_in_order_in_one_partition(hub: View, producer: EventHubProducerClient) -> None:
    producer.send_batch(batch_of(producer, b"one", b"two", b"three"))

    (partition,) = {event.partition for event in hub.events()}
    assert bodies(hub.events(partition)) == [b"one", b"two", b"three"]
    assert hub.counters() == Counters(accepted=1, rejected=0, dropped=0, events=3)
    assert hub.counters().transfers == 1


def test_sends_without_a_key_take_the_partitions_in_turn(hub: View, producer: EventHubProducerClient) -> None:
    for number in range(4):
        producer.send_event(EventData(str(number)))

    assert [len(hub.events(partition)) for partition in range(2)] == [2, 2]


def test_a_send_to_a_partition_goes_there(hub: View, producer: EventHubProducerClient) -> None:
    for content in (b"a", b"b"):
        producer.send_batch(batch_of(producer, content, partition="1"))

    assert bodies(hub.events(1)) == [b"a", b"b"]
    assert hub.events(0) == []


def test_a_key_goes_to_the_partition_that_the_service_hashes_it_to(hub: View, producer: EventHubProducerClient) -> None:
    # What a producer in buffered mode made of them, which hashes keys itself as the service does.
    partitions = {"00-0D-3A-00-00-00": 0, "00-0D-3A-00-00-01": 1, "00-0D-3A-00-00-04": 1, "é": 1, "a" * 100: 0}
    for _ in range(2):
        for key in partitions:
            producer.send_event(EventData(key), partition_key=key)

    assert len(hub.events()) == 10
    assert {event.partition_key: event.partition for event in hub.events()} == partitions
    assert all(event.partition_key == event.body.decode() for event in hub.events())


def test_properties_arrive_as_sent(hub: View, producer: EventHubProducerClient) -> None:
    event = EventData(b"{}")
    event.content_type = "application/x-ndjson"
    assert event.raw_amqp_message.properties is not None
    event.raw_amqp_message.properties.content_encoding = "gzip"
    event.properties = {"schema": "flow/1", "raw": b"\x00", "ratio": 0.5, "last": True}
    producer.send_event(event)

    (stored,) = hub.events()
    assert (stored.content_type, stored.content_encoding) == ("application/x-ndjson", "gzip")
    assert stored.properties == {"schema": "flow/1", "raw": b"\x00", "ratio": 0.5, "last": True}
    assert stored.property_types == {"schema": "string", "raw": "binary", "ratio": "double", "last": "bool"}


def test_an_event_without_properties_has_none(hub: View, producer: EventHubProducerClient) -> None:
    producer.send_event(EventData(b""))

    (stored,) = hub.events()
    assert (stored.body, stored.properties, stored.content_type, stored.content_encoding) == (b"", {}, None, None)


def test_many_properties_are_read_back(hub: View, producer: EventHubProducerClient) -> None:
    properties: dict[str | bytes, str] = {f"property {number}": "x" * number for number in range(100)}
    event = EventData(b"")
    event.properties = properties
    producer.send_event(event)

    assert hub.events()[0].properties == properties


def test_the_client_sends_plain_ints_as_amqp_ints_and_tagged_ones_as_longs(
    hub: View, producer: EventHubProducerClient
) -> None:
    event = EventData(b"")
    event.properties = {"plain": 2**31 - 1, "small": long(7), "large": long(2**63 - 1)}
    producer.send_event(event)

    (stored,) = hub.events()
    assert stored.properties == {"plain": 2**31 - 1, "small": 7, "large": 2**63 - 1}
    assert stored.property_types == {"plain": "int", "small": "long", "large": "long"}


def test_the_client_refuses_plain_ints_that_no_amqp_int_holds(producer: EventHubProducerClient) -> None:
    event = EventData(b"")
    event.properties = {"rangeEnd": 2**31}
    with pytest.raises(ValueError, match="2147483648"):
        producer.create_batch().add(event)


def test_an_event_is_received_as_it_was_sent_with_its_place(
    hub: View, producer: EventHubProducerClient, receiver: Receiver
) -> None:
    event = EventData(b"body")
    event.content_type = "application/json"
    event.properties = {"rangeEnd": long(2**40), "blob": "account/container/name"}
    for _ in range(2):
        producer.send_event(event, partition_key="key")

    stored = hub.events()[1]
    got = receiver.got(stored)
    assert stored.offset != str(stored.sequence_number)  # equal ones would hide mistakes
    assert (got.offset, got.enqueued_time, got.partition_key) == (stored.offset, stored.enqueued_time, b"key")
    assert (got.body_as_str(), got.content_type) == ("body", "application/json")
    assert got.properties == {b"rangeEnd": 2**40, b"blob": b"account/container/name"}


def test_a_message_of_many_frames_passes_both_ways(
    hub: View, producer: EventHubProducerClient, receiver: Receiver
) -> None:
    large = bytes(range(128)) * 8000  # 1,024,000 bytes, 16 frames
    producer.send_batch(batch_of(producer, large, b"small"))

    assert bodies(hub.events()) == [large, b"small"]
    assert [receiver.got(event).body_as_str().encode() for event in hub.events()] == [large, b"small"]


def test_the_link_announces_the_largest_message() -> None:
    with EventHub(max_message_bytes=262_144) as hub, producing(hub) as producer:
        batch = producer.create_batch()
        assert batch.max_size_in_bytes == 262_144
        batch.add(EventData(b"x" * 262_000))
        producer.send_batch(batch)

        assert bodies(hub.events()) == [b"x" * 262_000]


def test_a_message_over_the_limit_is_rejected(hub: View, producer: EventHubProducerClient) -> None:
    with pytest.raises(EventDataSendError, match="exceeds the link's limit of 1048576 bytes"):
        producer.send_event(EventData(b"x" * 1_048_576))
    producer.send_event(EventData(b"x" * 1_048_000))

    assert [len(event.body) for event in hub.events()] == [1_048_000]
    assert hub.counters() == Counters(accepted=1, rejected=2, dropped=0, events=1)  # the client tries again at once


def test_the_aio_clients_send_and_receive(hub: View) -> None:
    text, name = hub.hub.connection_string, hub.hub.name

    async def send() -> None:
        async with AioProducerClient.from_connection_string(text, eventhub_name=name) as producer:
            batch = await producer.create_batch()
            batch.add(EventData("one"))
            batch.add(EventData("x" * 300_000))
            await producer.send_batch(batch)

    async def receive(partition: int, start: int) -> list[str]:
        got: list[str] = []
        all_there = asyncio.Event()

        async def on_event(_: AioPartitionContext, event: EventData | None) -> None:
            got.extend([event.body_as_str()] if event else [])
            if len(got) == 2:
                all_there.set()

        async with AioConsumerClient.from_connection_string(text, "$Default", eventhub_name=name) as consumer:
            receiving = asyncio.create_task(
                consumer.receive(
                    on_event,
                    partition_id=str(partition),
                    starting_position=start,
                    starting_position_inclusive=True,
                )
            )
            await asyncio.wait_for(all_there.wait(), DEADLINE)
            receiving.cancel()
            await asyncio.wait([receiving])
        return got

    asyncio.run(send())
    stored = hub.events()[0]
    assert asyncio.run(receive(stored.partition, stored.sequence_number)) == ["one", "x" * 300_000]


def test_two_clients_at_once_lose_nothing_and_keep_their_order(hub: View, producer: EventHubProducerClient) -> None:
    def send(name: str, client: EventHubProducerClient) -> None:
        for number in range(30):
            client.send_batch(batch_of(client, f"{name}{number:02}".encode(), b"x" * 70_000))

    with producing(hub.hub) as other, ThreadPoolExecutor() as pool:
        list(pool.map(send, "ab", (producer, other)))

    for partition in range(2):
        for name in (b"a", b"b"):
            sent = [body for body in bodies(hub.events(partition)) if body.startswith(name)]
            assert sent == sorted(sent)
    small = [body.decode() for body in bodies(hub.events()) if len(body) == 3]
    assert sorted(small) == [f"{name}{number:02}" for name in "ab" for number in range(30)]
    assert hub.counters() == Counters(accepted=60, rejected=0, dropped=0, events=120)


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


def test_an_unknown_consumer_group_is_not_found(running: EventHub) -> None:
    with Receiver(running, "other", partition_id="0") as receiver:
        assert receiver.wait_for(lambda: receiver.problems)

    assert isinstance(receiver.problems[0], ConnectionLostError)
    assert "'amqps://localhost" in str(receiver.problems[0])
    assert "could not be found" in str(receiver.problems[0])


def test_receivers_start_where_they_ask(hub: View, producer: EventHubProducerClient) -> None:
    for content in (b"a", b"b", b"c"):
        for partition in "01":
            producer.send_batch(batch_of(producer, content, partition=partition))
    first, second = hub.events(0)[1], hub.events(1)[1]
    after = {"0": first.offset, "1": second.sequence_number}
    since = {"0": first.sequence_number, "1": second.enqueued_time}
    with (
        Receiver(hub.hub, starting_position=after) as behind,
        Receiver(hub.hub, starting_position=since, starting_position_inclusive=True) as at,
    ):
        for receiver in (behind, at):
            assert receiver.wait_for(lambda: receiver.bodies(0)[-1:] == receiver.bodies(1)[-1:] == [b"c"])  # noqa: B023

    not_before = [event.body for event in hub.events(1) if event.enqueued_time >= second.enqueued_time]
    assert (behind.bodies(0), behind.bodies(1)) == ([b"c"], [b"c"])
    assert (at.bodies(0), at.bodies(1)) == ([b"b", b"c"], not_before)


def test_a_receiver_from_latest_gets_only_what_comes_then(hub: View, producer: EventHubProducerClient) -> None:
    producer.send_batch(batch_of(producer, b"before", partition="0"))
    with Receiver(hub.hub, partition_id="0", starting_position="@latest") as receiver:
        for number in range(30):  # the client doesn't say when it has attached
            if receiver.wait_for(lambda: receiver.events["0"], deadline=0.3):
                break
            producer.send_batch(batch_of(producer, str(number).encode(), partition="0"))
        sent = bodies(hub.events(0))
        assert receiver.wait_for(lambda: receiver.bodies(0)[-1:] == sent[-1:])

    got = receiver.bodies(0)
    assert b"before" not in got
    assert got == sent[-len(got) :]


def test_each_receiver_gets_every_event(hub: View, producer: EventHubProducerClient, receiver: Receiver) -> None:
    for number in range(10):
        producer.send_batch(batch_of(producer, str(number).encode(), partition="0"))
    stored = hub.events(0)
    with Receiver(hub.hub, partition_id="0", starting_position=stored[0].sequence_number) as other:
        for event in stored[1:]:
            assert receiver.got(event).body_as_str() == other.got(event).body_as_str() == event.body.decode()


def test_retention_lets_the_oldest_go() -> None:
    with EventHub(partitions=1, retain_bytes=3_500) as hub, producing(hub) as producer:
        for number in range(10):
            producer.send_event(EventData(bytes([number]) * 1000))
        described = producer.get_partition_properties("0")

    assert bodies(hub.events()) == [bytes([number]) * 1000 for number in (7, 8, 9)]
    assert [event.sequence_number for event in hub.events()] == [7, 8, 9]
    assert (described["beginning_sequence_number"], described["last_enqueued_sequence_number"]) == (7, 9)


def test_a_busy_hub_rejects_and_the_client_resends_once_at_once(hub: View, producer: EventHubProducerClient) -> None:
    batch = batch_of(producer, b"one")
    hub.faults.reject_busy(2)
    with pytest.raises(EventDataSendError, match=r"com\.microsoft:server-busy") as caught:
        producer.send_batch(batch)

    assert "wait 4 seconds" in str(caught.value)
    assert hub.counters() == Counters(accepted=0, rejected=2, dropped=0, events=0)
    producer.send_batch(batch)
    assert bodies(hub.events()) == [b"one"]


def test_a_hub_is_busy_until_switched_back(hub: View, producer: EventHubProducerClient) -> None:
    hub.faults.busy = True
    for _ in range(2):
        with pytest.raises(EventDataSendError):
            producer.send_event(EventData(b"one"))
    assert hub.events() == []
    hub.faults.clear()
    producer.send_event(EventData(b"one"))

    assert bodies(hub.events()) == [b"one"]


def test_a_send_dropped_before_it_is_stored_is_stored_once(hub: View, producer: EventHubProducerClient) -> None:
    hub.faults.drop_before_store()
    producer.send_event(EventData(b"one"))

    assert bodies(hub.events()) == [b"one"]
    assert hub.counters() == Counters(accepted=1, rejected=0, dropped=1, events=1)


def test_a_lost_acknowledgement_makes_the_client_store_twice(hub: View, producer: EventHubProducerClient) -> None:
    hub.faults.drop_after_store()
    producer.send_event(EventData(b"one"))

    assert bodies(hub.events()) == [b"one", b"one"]
    assert hub.counters() == Counters(accepted=1, rejected=0, dropped=1, events=2)


def test_faults_strike_in_the_order_they_were_asked_for(hub: View, producer: EventHubProducerClient) -> None:
    hub.faults.reject_busy(2)
    hub.faults.drop_after_store()
    with pytest.raises(EventDataSendError):
        producer.send_event(EventData(b"busy"))
    assert hub.events() == []
    producer.send_event(EventData(b"lost"))

    assert hub.counters() == Counters(accepted=1, rejected=2, dropped=1, events=2)


def test_a_slow_acknowledgement_keeps_the_sender_waiting_for_a_stored_event(
    hub: View, producer: EventHubProducerClient, receiver: Receiver
) -> None:
    batch = batch_of(producer, b"slow")
    hub.faults.ack_delay = 0.5
    with ThreadPoolExecutor() as pool:
        sending = pool.submit(producer.send_batch, batch)
        assert receiver.wait_for(hub.events)
        receiver.got(hub.events()[0])
        assert not sending.done()
        sending.result(DEADLINE)

    assert hub.counters() == Counters(accepted=1, rejected=0, dropped=0, events=1)


def test_a_client_comes_back_after_a_closed_connection_and_after_a_restart() -> None:
    with EventHub(partitions=1) as hub, producing(hub) as producer:
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
