"""The reader of events against the local hub."""

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import timedelta

import pytest
from azure.core.credentials import AccessToken
from azure.eventhub._pyamqp.message import Message
from azure.eventhub.exceptions import EventHubError

from flowlog_core.adapters.event_hubs.clients import SharedToken
from flowlog_core.adapters.event_hubs.reader import EventHubReader, Patience
from flowlog_core.adapters.event_hubs.sink import EventHubSink
from flowlog_core.adapters.event_hubs.transport import remedy
from flowlog_core.connections import EventHubConnection
from flowlog_core.errors import ReceiveError
from flowlog_core.events.event_properties import EventProperties
from flowlog_core.events.packer import Event
from flowlog_core.operations.ports import RetainedFrom
from flowlog_core.operations.received_event import ReceivedEvent
from flowlog_core.source.blob import ByteRange
from local.event_hub.amqp_frames import write_message
from local.event_hub.server import EventHub
from tests.support.hubs import OpenHub

type Send = Callable[..., None]

SHORT = Patience(failing=3.0)


@pytest.fixture
def hub(open_hub: OpenHub) -> Iterator[EventHub]:
    """A hub that goes away, so that a reader who waits for what never comes fails."""
    server = open_hub(partitions=2)
    end = threading.Timer(25, server.stop)
    end.start()
    yield server
    end.cancel()


@pytest.fixture
def send(hub: EventHub) -> Send:
    """Put events into a partition as the hub does with those that come; a client would take a second to open."""

    async def store(messages: Sequence[Message], partition: str) -> None:
        for message in messages:
            hub._namespace.open_sink(f"{hub.name}/Partitions/{partition}")(memoryview(write_message(message)), None)

    def send_all(*bodies: object, partition: str = "0") -> None:
        assert hub._running
        messages = [each if isinstance(each, Message) else Message(data=[str(each).encode()]) for each in bodies]
        asyncio.run_coroutine_threadsafe(store(messages, partition), hub._running[0]).result()

    return send_all


def connection(hub: EventHub, name: str | None = None) -> EventHubConnection:
    return EventHubConnection("localhost", name or hub.name, hub.connection_string)


def reader(hub: EventHub, patience: Patience = SHORT) -> EventHubReader:
    return EventHubReader(connection(hub), patience=patience)


def numbers(events: list[ReceivedEvent], partition: str = "0") -> list[int]:
    return [int(event.body) for event in events if event.partition == partition]


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline
        threading.Event().wait(0.01)


def test_all_that_a_hub_holds_is_read_in_the_order_of_each_partition(hub: EventHub, send: Send) -> None:
    send(*range(500))
    send(*range(500, 700), partition="1")

    events = list(reader(hub).read("earliest", follow=False))

    assert numbers(events, "0") == list(range(500))
    assert numbers(events, "1") == list(range(500, 700))
    assert [event.sequence for event in events if event.partition == "1"] == list(range(200))


def test_an_event_comes_as_it_was_sent(hub: EventHub) -> None:
    properties = EventProperties(
        blob="a/b/ü",
        generation=1,
        byte_range=ByteRange(2**40, 2**63 - 1),
        part=1,
        parts=3,
        flows=2**31,
        quarantined=0,
        first_id="first",
        last_id="last",
        fields=("id", "srcIp"),
        replay="audit-7",
    )
    sent = Event(b"body", "application/x-ndjson", "gzip", properties.write())
    sink = EventHubSink(connection(hub))
    sink.send([sent], None, within=20)
    sink.close()

    (event,) = reader(hub).read("earliest", follow=False)

    assert (event.body, event.content_type, event.content_encoding) == (b"body", "application/x-ndjson", "gzip")
    assert event.properties == properties
    assert [event.enqueued] == [stored.enqueued_time for stored in hub.events()]


def test_an_event_of_another_kind_of_producer_has_no_body(hub: EventHub, send: Send) -> None:
    send(Message(value={"any": "value"}))

    (event,) = reader(hub).read("earliest", follow=False)

    assert (event.body, event.content_type, event.properties) == (b"", None, None)


def test_events_are_read_from_a_time_on(hub: EventHub, send: Send) -> None:
    send(1)
    wait_until(lambda: time.time() > hub.events()[-1].enqueued_time.timestamp() + 0.002)
    send(2, 3)
    time_of_second, time_of_last = [event.enqueued_time for event in hub.events()[1:]]
    own = reader(hub)

    assert numbers(list(own.read(time_of_second, follow=False))) == [2, 3]
    assert list(own.read(time_of_last + timedelta(milliseconds=1), follow=False)) == []


def test_without_following_it_ends_with_what_was_there_at_the_call(hub: EventHub, send: Send) -> None:
    own = reader(hub)
    assert list(own.read("earliest", follow=False)) == []
    send(1)
    events = own.read("earliest", follow=False)
    none = own.read("latest", follow=False)
    send(2)

    assert numbers(list(events)) == [1]
    assert list(none) == []


def test_what_comes_after_the_call_is_followed_on_each_partition(hub: EventHub, send: Send) -> None:
    send(1)
    with closing(reader(hub).read("latest", follow=True)) as events:
        send(2)
        send(3, partition="1")  # it was empty

        assert {int(next(events).body), int(next(events).body)} == {2, 3}


def test_closing_it_in_mid_stream_leaves_neither_threads_nor_connections(hub: EventHub, send: Send) -> None:
    send(*range(2000))
    events = reader(hub).read("earliest", follow=True)
    next(events)

    events.close()

    wait_until(lambda: "receiver" not in {thread.name for thread in threading.enumerate()})
    wait_until(lambda: not hub.connections)


def test_more_than_the_inbox_holds_is_read_as_it_is_taken(hub: EventHub, send: Send) -> None:
    for _ in range(200):
        send("x" * 250_000)

    assert sum(len(event.body) for event in reader(hub).read("earliest", follow=False)) == 50_000_000


def test_over_lost_connections_each_event_comes_once(hub: EventHub, send: Send) -> None:
    send(*range(1000))
    with closing(reader(hub).read("earliest", follow=True)) as events:
        got = [next(events) for _ in range(100)]
        hub.close_connections()
        got += [next(events) for _ in range(900)]
        hub.stop()
        hub.start()
        send(1000)
        got.append(next(events))

    assert numbers(got) == list(range(1001))


def test_a_connection_that_keeps_failing_is_an_error(hub: EventHub, send: Send) -> None:
    send(1)
    with closing(reader(hub, Patience(failing=1.0)).read("earliest", follow=True)) as events:
        next(events)
        hub.stop()

        with pytest.raises(ReceiveError, match="check that the namespace can be reached"):
            next(events)


def test_a_connection_that_can_never_be_opened_is_an_error(hub: EventHub, send: Send) -> None:
    send(1)
    events = reader(hub, Patience(failing=1.0, silent=0.5)).read("earliest", follow=True)
    hub.stop()  # the client itself never tells

    with pytest.raises(ReceiveError, match="check that the namespace can be reached"):
        next(events)


def test_events_that_the_hub_drops_meanwhile_are_not_waited_for(hub: EventHub, send: Send) -> None:
    send(1, 2, 3)
    events = reader(hub, Patience(quiet=0.3)).read("earliest", follow=False)
    partition = hub._hub.partitions["0"]
    partition.first = partition.end  # as after the retention time

    assert list(events) == []


def test_it_tells_from_where_on_the_hub_holds_events(hub: EventHub, send: Send) -> None:
    own = reader(hub)
    send("to be dropped", "kept")
    partition = hub._hub.partitions["0"]
    partition.first = 1

    retained = own.retained()

    assert retained["0"] == RetainedFrom("0", dropped=True, enqueued=hub.events(0)[1].enqueued_time)
    assert retained["1"] == RetainedFrom("1", dropped=False, enqueued=None)


def test_an_unknown_hub_or_consumer_group_is_told_with_its_name(hub: EventHub, send: Send) -> None:
    send(1)
    with pytest.raises(ReceiveError, match=r"localhost/elsewhere.* check the names") as unknown_hub:
        EventHubReader(connection(hub, "elsewhere")).read("earliest", follow=True)
    with pytest.raises(ReceiveError, match=r"consumer group soc: .* check the names") as unknown_group:
        next(EventHubReader(connection(hub), "soc").read("earliest", follow=True))

    for raised in (unknown_hub, unknown_group):
        assert "\n" not in str(raised.value)
        assert "SharedAccessKey" not in str(raised.value)


def test_a_connection_string_without_a_key_is_told(hub: EventHub) -> None:
    keyless = EventHubConnection("localhost", hub.name, "Endpoint=sb://localhost/;SharedAccessKeyName=reader")

    with pytest.raises(ReceiveError, match="FlowLogEventHub won't do"):
        EventHubReader(keyless).retained()


def test_a_hub_that_is_not_there_is_told(hub: EventHub) -> None:
    hub.stop()

    with pytest.raises(ReceiveError, match="refused; check that the namespace can be reached"):
        reader(hub).retained()


def test_a_hub_that_takes_the_connection_and_says_nothing_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        silent = f"Endpoint=sb://127.0.0.1:{server.getsockname()[1]};SharedAccessKeyName=a;SharedAccessKey=b;"
        connection = EventHubConnection("h", "flowlogs", f"{silent}UseDevelopmentEmulator=true")

        with pytest.raises(ReceiveError, match="no answer"):
            EventHubReader(connection, patience=Patience(answer=0.5)).read("earliest", follow=False)


# In the words of the service, without the ids that it adds.
@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("Nonepoch receiver is not allowed since an epoch receiver is connected. Error: link:stolen", "of your own"),
        ("Exceeded the maximum number of allowed receivers per partition in a consumer group which is 5", "another"),
        ("Unauthorized access. 'Listen' claim(s) are required to perform this operation.", "Data Receiver"),
        ("CBS Token authentication failed.\nStatus code: 401\nDescription: InvalidSignature", "Data Receiver"),
        ("CBS Token authentication failed.\nStatus code: 404\nDescription: could not be found", "names"),
        (
            "CBS Token authentication failed.\nStatus code: 401\nDescription: ExpiredToken: The token is expired.",
            "a new",
        ),
        ("DefaultAzureCredential failed to retrieve a token from the included credentials.", "az login"),
    ],
)
def test_an_error_that_stays_has_its_remedy(text: str, advice: str) -> None:
    assert advice in (remedy(EventHubError(text), "reading") or "")


def test_an_error_that_may_pass_has_none() -> None:
    assert remedy(EventHubError("[Errno 104] Connection reset by peer"), "reading") is None


def test_the_remedy_for_a_sender_names_the_senders_role_and_right() -> None:
    unauthorized = EventHubError("Unauthorized access. 'Send' claim(s) are required to perform this operation.")

    assert remedy(unauthorized, "sending") == (
        "sending takes the role Azure Event Hubs Data Sender, or a key with the right Send"
    )


class Sign:
    """A sign-in that gives tokens of an hour."""

    def __init__(self, lives: float) -> None:
        self.lives = lives
        self.asked = 0

    def get_token(self, *scopes: str, **options: object) -> AccessToken:
        self.asked += 1
        return AccessToken(f"token {self.asked}", int(time.time() + self.lives))


@pytest.mark.parametrize(("lives", "tokens"), [(3600, ["token 1", "token 1"]), (300, ["token 1", "token 2"])])
def test_one_sign_in_serves_all_partitions_until_it_expires_soon(lives: float, tokens: list[str]) -> None:
    shared = SharedToken(Sign(lives))

    assert [shared.get_token("scope").token for _ in tokens] == tokens
