"""AMQP over WebSockets with TLS, through a proxy that leads to the local hub: sending and reading."""

import time
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from flowlog_core.adapters.event_hubs.reader import EventHubReader, Patience
from flowlog_core.adapters.event_hubs.sink import EventHubSink
from flowlog_core.connections import EventHubConnection
from flowlog_core.errors import ReceiveError, SendError
from flowlog_core.events.packer import Event
from local.event_hub.server import EventHub
from tests.support.certificates import Certificate
from tests.support.http_proxy import HttpProxy
from tests.support.hubs import clients_of
from tests.support.web_sockets import HOST, WebSocketEndpoint

SECONDS = 20.0
REACHED = "check that the namespace can be reached"
TEXT = f"Endpoint=sb://{HOST}/;SharedAccessKeyName=local;SharedAccessKey=bG9jYWw="


@pytest.fixture(scope="module", autouse=True)
def clients(request: pytest.FixtureRequest) -> Iterator[None]:
    with clients_of(request.node):
        yield


@pytest.fixture
def endpoint(hub: EventHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WebSocketEndpoint]:
    certificate = Certificate(tmp_path, hosts=[HOST])
    for name in ("HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate.file))
    with WebSocketEndpoint(hub.port, certificate) as server:
        yield server


def leads_to(endpoint: WebSocketEndpoint) -> dict[str, int]:
    return {f"{HOST}:443": endpoint.port}


def connection(hub: EventHub) -> EventHubConnection:
    return EventHubConnection(HOST, hub.name, TEXT, transport="websockets")


def event(number: int, size: int = 100) -> Event:
    body = str(number).encode().ljust(size, b".")
    return Event(body, "application/x-ndjson", None, {"flows": number})


def test_events_go_and_come_through_the_proxy(
    hub: EventHub, endpoint: WebSocketEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    with HttpProxy("user:pass/word", leads_to=leads_to(endpoint)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://user:pass%2Fword@127.0.0.1:{proxy.port}")
        events = [event(number, size) for number, size in enumerate([10, 200, 70_000, 250_000])]
        with closing(EventHubSink(connection(hub))) as sink:
            assert sink.max_event_bytes() > 1_000_000
            assert sink.send(events, "00155D123456", within=SECONDS) == 4

        read = list(EventHubReader(connection(hub)).read("earliest", follow=False))

    assert [each.body for each in read] == [each.body for each in events]
    assert set(proxy.asked) == {f"CONNECT {HOST}:443"}
    assert endpoint.handshakes == len(proxy.asked) > 1


def test_new_events_are_read_as_they_come(
    hub: EventHub, endpoint: WebSocketEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    with HttpProxy(leads_to=leads_to(endpoint)) as proxy:
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{proxy.port}")
        with closing(EventHubSink(connection(hub))) as sink:
            sink.send([event(0)], None, within=SECONDS)
            events = EventHubReader(connection(hub)).read("earliest", follow=True)
            assert next(events).body == event(0).body
            for number in range(1, 4):
                sink.send([event(number)], None, within=SECONDS)
                assert next(events).body == event(number).body
            events.close()


def test_a_busy_hub_is_told_as_such_and_a_send_that_takes_too_long_ends_in_time(
    hub: EventHub, endpoint: WebSocketEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    with HttpProxy(leads_to=leads_to(endpoint)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
        with closing(EventHubSink(connection(hub))) as sink:
            hub.faults.reject_busy(2)
            with pytest.raises(SendError) as busy:
                sink.send([event(0)], None, within=SECONDS)
            hub.faults.ack_delay = 60.0
            began = time.monotonic()
            with pytest.raises(SendError) as late:
                sink.send([event(0)], None, within=16)

    assert (busy.value.busy, late.value.busy) == (True, False)
    assert time.monotonic() - began < 16  # the lease may lapse any moment after


def test_a_proxy_that_wants_a_password_is_told(
    hub: EventHub, endpoint: WebSocketEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    with HttpProxy("user:secret-word", leads_to=leads_to(endpoint)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://user:wrong-word@127.0.0.1:{proxy.port}")
        with closing(EventHubSink(connection(hub))) as sink, pytest.raises(SendError) as refused:
            sink.send([event(0)], None, within=SECONDS)

    assert "the proxy of HTTPS_PROXY wants a name and a password" in str(refused.value)
    assert "-word" not in str(refused.value)


def test_a_certificate_that_nobody_vouches_for_is_told(
    hub: EventHub, endpoint: WebSocketEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    with HttpProxy(leads_to=leads_to(endpoint)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
        with closing(EventHubSink(connection(hub))) as sink, pytest.raises(SendError) as refused:
            sink.send([event(0)], None, within=SECONDS)

    assert "REQUESTS_CA_BUNDLE must name a file with its certificate" in str(refused.value)


def test_a_host_that_no_proxy_is_to_lead_to_is_reached_without_it(
    hub: EventHub, endpoint: WebSocketEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", HOST)
    with HttpProxy(leads_to=leads_to(endpoint)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
        with closing(EventHubSink(connection(hub))) as sink, pytest.raises(SendError):  # nobody knows the host
            sink.send([event(0)], None, within=SECONDS)

    assert proxy.asked == []


@pytest.mark.parametrize(
    ("transport", "proxy", "advice"),
    [
        (
            "amqp",
            None,
            f"{REACHED} (port 5671); where only port 443 is open, set FLOWLOG_EVENTHUB_TRANSPORT to websockets",
        ),
        (
            "websockets",
            "http://127.0.0.1:9",
            f"{REACHED} through the proxy of HTTPS_PROXY (port 443)",
        ),
        ("websockets", None, f"{REACHED} (port 443)"),
    ],
)
def test_where_there_is_no_way_port_and_remedy_are_in_the_error_of_sender_and_reader(
    endpoint: WebSocketEndpoint, monkeypatch: pytest.MonkeyPatch, transport: str, proxy: str | None, advice: str
) -> None:
    if proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy)
    nowhere = EventHubConnection(
        "hub.invalid",
        "flowlogs",
        TEXT.replace(HOST, "hub.invalid"),
        transport=transport,  # type: ignore[arg-type]  # one of the two
    )

    with closing(EventHubSink(nowhere)) as sink, pytest.raises(SendError) as of_sender:
        sink.send([event(0)], None, within=SECONDS)
    patience = Patience(answer=timedelta(seconds=5).total_seconds())
    with pytest.raises(ReceiveError) as of_reader:
        list(EventHubReader(nowhere, patience=patience).read("earliest", follow=False))

    assert str(of_sender.value).endswith(f"; {advice}")
    assert str(of_reader.value).endswith(f"; {advice}")
