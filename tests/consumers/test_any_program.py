"""The programs and queries of the guide for any program read what the forwarder sends."""

import gzip
import itertools
import json
import operator
import os
import re
import runpy
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, get_args

import duckdb
import pytest
from azure.eventhub._pyamqp._encode import encode_value
from confluent_kafka import Consumer, Producer

from flowlog_core.adapters.event_hubs.sink import EventHubSink
from flowlog_core.connections import EventHubConnection
from flowlog_core.events.packer import Event, EventCompression, EventFormat
from local.event_hub.server import EventHub
from tests.consumers.sent_events import events_of, flows_in
from tests.support.flow_logs import document, vnet_record
from tests.support.traffic_logs import BEGIN, CONTINUE, END, nsg_log

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "consumers" / "any-program.md"
KAFKA = ROOT / "consumers" / "kafka"
QUERIES = ROOT / "consumers" / "duckdb"
GOLDEN = ROOT / "tests" / "golden"
TOPIC = "flowlogs"
LOG = document([vnet_record(3)])
FOREIGN = Event(b"hello", "text/plain", None, {"schema": "another/9"})
NO_PROPERTIES = Event(b"hello", "text/plain", None, {})
FORMATS = len(get_args(EventFormat)) * len(get_args(EventCompression))
SECONDS = 60  # after which a consumer that prints too little is ended, and the test fails


def documented_code() -> str:
    section = PAGE.read_text(encoding="utf-8").partition("\n## Python in 20 lines\n")[2].partition("\n## ")[0]
    code, *_ = re.findall(r"```python\n(.+?)```", section, re.DOTALL)
    return str(code)


@contextmanager
def printing(command: Sequence[str], **variables: str) -> Iterator[Iterator[str]]:
    """Run a Python program; yield the lines that it prints."""
    command = [sys.executable, *command]
    environment = {**os.environ, **variables}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 # ours
        assert process.stdout is not None
        end = threading.Timer(SECONDS, process.kill)
        end.start()
        yield iter(process.stdout)
        end.cancel()
        process.kill()


def every_format() -> list[Event]:
    """The same flows in each format, compressed or not."""
    formats = itertools.product(get_args(EventFormat), get_args(EventCompression))
    return [event for kind, packed in formats for event in events_of(LOG, event_format=kind, compression=packed)]


def printed_once() -> list[str]:
    return [line(flow) for flow in flows_in(events_of(LOG))]


def line(flow: dict[str, object]) -> str:
    return " ".join(str(flow[key]) for key in ("time", "srcIp", "destIp", "destPort", "decision")) + "\n"


def test_the_documented_consumer_reads_every_format_and_passes_over_what_others_send(hub: EventHub) -> None:
    expected = printed_once() * FORMATS

    with closing(EventHubSink(EventHubConnection("localhost", hub.name, hub.connection_string))) as sink:
        for event in [FOREIGN, NO_PROPERTIES, *every_format()]:
            sink.send([event], "one partition", within=20)

    with printing(["-c", documented_code()], FlowLogEventHub=hub.connection_string) as lines:
        assert list(itertools.islice(lines, len(expected))) == expected


def test_it_has_twenty_lines_or_so() -> None:
    assert len([line for line in documented_code().splitlines() if line]) <= 22


def encoded(value: str | int) -> bytes:
    """Encode an application property as the Event Hubs client does; a Kafka reader gets these bytes."""
    output = bytearray()
    encode_value(output, {"TYPE": "LONG", "VALUE": value} if isinstance(value, int) else value)
    return bytes(output)


def headers_of(event: Event) -> dict[str, str | bytes | None]:
    """The headers of an event that was sent over AMQP, after Microsoft's page on Kafka and AMQP; see the guide."""
    plain = {"content-type": event.content_type, "content-encoding": event.content_encoding}
    native: dict[str, str | bytes | None] = {name: value.encode() for name, value in plain.items() if value is not None}
    return native | {name: encoded(value) for name, value in event.properties.items()}


@pytest.fixture
def kafka() -> Producer:
    """Return a producer with librdkafka's own broker, which lives as long as it does."""
    return Producer({"test.mock.num.brokers": 1, "log_level": 0})


def address_of(producer: Producer) -> str:
    (broker,) = producer.list_topics(timeout=SECONDS).brokers.values()
    return f"{broker.host}:{broker.port}"


def settings_in(file: str) -> dict[str, str]:
    lines = (KAFKA / file).read_text(encoding="utf-8").splitlines()
    return dict(each.split("=", 1) for each in lines if each and not each.startswith("#"))


def test_the_reader_by_kafka_reads_every_format_and_passes_over_what_others_send(
    kafka: Producer, tmp_path: Path
) -> None:
    for event in [FOREIGN, NO_PROPERTIES, *every_format()]:
        kafka.produce(TOPIC, event.body, headers=headers_of(event), partition=0)
    assert kafka.flush(SECONDS) == 0
    settings = tmp_path / "local.properties"
    settings.write_text(f"# No sign-in.\nbootstrap.servers={address_of(kafka)}\nauto.offset.reset=earliest\n")
    expected = printed_once() * FORMATS

    with printing([str(KAFKA / "read_flows.py"), str(settings), TOPIC, "a group"]) as lines:
        assert list(itertools.islice(lines, len(expected))) == expected


def test_the_reader_by_kafka_decodes_every_property_of_an_event() -> None:
    amqp_value: Callable[[bytes], str | int] = runpy.run_path(str(KAFKA / "read_flows.py"))["amqp_value"]
    (event,) = events_of(LOG)
    properties: Mapping[str, Any] = {**event.properties, "rangeStart": 2**40, "fields": "a," * 200, "part": -1}

    assert {name: amqp_value(encoded(value)) for name, value in properties.items()} == properties
    with pytest.raises(ValueError, match="type 0x56"):
        amqp_value(b"\x56\x01")


def test_librdkafka_takes_the_settings() -> None:
    settings = {**settings_in("librdkafka.properties"), "bootstrap.servers": "127.0.0.1:9", "log_level": 0}

    Consumer({**settings, "group.id": "a group", "sasl.password": "a connection string"}).close()


def test_both_files_of_settings_sign_in_the_same_way_at_the_same_place() -> None:
    librdkafka, java = settings_in("librdkafka.properties"), settings_in("event-hubs.properties")
    same = ("bootstrap.servers", "security.protocol", "sasl.mechanism", "metadata.max.age.ms", "session.timeout.ms")

    assert {name: librdkafka[name] for name in same} == {name: java[name] for name in same}
    assert f'username="{librdkafka["sasl.username"]}"' in java["sasl.jaas.config"]
    assert librdkafka["bootstrap.servers"].endswith(":9093")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder that the queries read files of."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def table(name: str, database: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """Run a query of the guide."""
    return rows_of((QUERIES / f"{name}.sql").read_text(encoding="utf-8"), database)


def rows_of(sql: str, database: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    result = database.execute(sql)
    columns = [name for name, *_ in result.description or []]
    return [dict(zip(columns, row, strict=True)) for row in result.fetchall()]


def decoded(log: bytes) -> bytes:
    """Return what `flowlog decode` prints of a log."""
    command = [sys.executable, "-m", "flowlog_core", "decode", "-"]
    return subprocess.run(command, input=log, cwd=ROOT, capture_output=True, check=True).stdout  # noqa: S603 # ours


def test_duckdb_reads_plain_and_compressed_files_and_drops_repeats(folder: Path) -> None:
    contents = [(GOLDEN / f"{name}.flows.ndjson").read_bytes() for name in ("nsg-v1", "nsg-v2", "vnet-v4")]
    flows = [json.loads(each) for content in contents for each in content.splitlines()]
    (folder / "flows.ndjson").write_bytes(contents[0] + contents[1])
    (folder / "flows-2.ndjson.gz").write_bytes(gzip.compress(contents[2]))
    (folder / "flows-again.ndjson").write_bytes(contents[1])

    with duckdb.connect() as database:
        table("flows", database)
        read = rows_of("SELECT * REPLACE (strftime(time, '%Y-%m-%dT%H:%M:%S.%gZ') AS time) FROM flows", database)
        denied = table("denied", database)

    expected = [flow | {"communityId": None} for flow in flows]
    assert sorted(read, key=lambda flow: flow["id"]) == sorted(expected, key=lambda flow: flow["id"])
    of_row = operator.itemgetter("srcIp", "destIp", "destPort", "rule")
    refused = Counter(of_row(flow) for flow in flows if flow["decision"] == "deny")
    assert {of_row(row): row["flows"] for row in denied} == refused
    assert len(refused) > 1


def test_the_guide_shows_the_query_for_denied_traffic() -> None:
    _, query = (QUERIES / "denied.sql").read_text(encoding="utf-8").split("\n", 1)

    assert f"```sql\n{query}```" in PAGE.read_text(encoding="utf-8")


def test_duckdb_puts_the_tuples_of_a_connection_together(folder: Path) -> None:
    tuples = [f"{1795215800 + i}{each[10:]}" for i, each in enumerate([BEGIN, CONTINUE, END, BEGIN, END])]
    (folder / "flows.ndjson").write_bytes(decoded(document([nsg_log(tuples)])))

    with duckdb.connect() as database:
        table("flows", database)
        connections = table("connections", database)

    totals = [(row["flows"], row["ended"], row["bytes"]) for row in connections]
    assert totals == [(3, True, 588096 + 29952 + 4610880 + 27072), (2, True, 29952 + 27072)]
