"""Print the flows that a hub's Kafka endpoint has: `read_flows.py librdkafka.properties flowlogs my-group`.

It takes the connection string from the environment variable FlowLogEventHub. It needs the package confluent-kafka.
"""

import gzip
import json
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from confluent_kafka import Consumer


def amqp_value(encoded: bytes) -> str | int:
    """Decode an application property: Event Hubs hands over AMQP strings and longs as they were encoded."""
    match encoded[0]:
        case 0xA1:  # a string, its size in one byte
            return encoded[2:].decode()
        case 0xB1:  # a string, its size in four
            return encoded[5:].decode()
        case 0x55 | 0x81:  # a long, in one byte or in eight
            return int.from_bytes(encoded[1:], signed=True)
    raise ValueError(f"no AMQP string and no long: type 0x{encoded[0]:02x}")


def flows(body: bytes, headers: Mapping[str, bytes]) -> Iterator[dict[str, object]]:
    """Yield the flows of a record's value. `content-type` and `content-encoding` are plain text."""
    if headers.get("content-encoding") == b"gzip":
        body = gzip.decompress(body)
    if headers.get("content-type") == b"application/x-ndjson":
        yield from map(json.loads, body.split(b"\n"))
    else:
        document = json.loads(body)
        yield from document.get("records", [document])


def main(file: str, topic: str, group: str) -> None:
    """Read until Ctrl-C; the group keeps how far it has come."""
    lines = [line for line in Path(file).read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    settings = dict(line.split("=", 1) for line in lines)
    if settings.get("sasl.mechanism"):
        settings["sasl.password"] = os.environ["FlowLogEventHub"]
    consumer = Consumer({**settings, "group.id": group})
    consumer.subscribe([topic])
    try:
        while True:
            record = consumer.poll(1.0)
            if record is None:
                continue
            if record.error():
                print(record.error(), file=sys.stderr)
                continue
            headers = {name: value for name, value in dict(record.headers() or []).items() if isinstance(value, bytes)}
            if "schema" in headers and amqp_value(headers["schema"]) == "flow/1":
                for flow in flows(record.value() or b"", headers):
                    print(flow["time"], flow["srcIp"], flow["destIp"], flow["destPort"], flow["decision"], flush=True)
    finally:
        consumer.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
