"""The consumer that docs/flow.md shows reads what the forwarder sends, in every format."""

import itertools
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import get_args

from flowlog_core.adapters.event_hubs.sink import EventHubSink
from flowlog_core.connections import EventHubConnection
from flowlog_core.events.packer import Event, EventCompression, EventFormat, EventOptions
from flowlog_core.forwarding.options import ForwardOptions
from local.event_hub.server import EventHub
from tests.support.flow_logs import VNET, document, vnet_record
from tests.support.forwarding import Setup

PAGE = Path(__file__).resolve().parents[2] / "docs" / "flow.md"
FOREIGN = Event(b"hello", "text/plain", None, {"schema": "another/9"})
NO_PROPERTIES = Event(b"hello", "text/plain", None, {})
SECONDS = 60  # after which a consumer that prints too little is ended, and the test fails


def documented_code() -> str:
    (code,) = re.findall(r"```python\n(.+?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    return str(code)


@contextmanager
def consumer(hub: EventHub) -> Iterator[Iterator[str]]:
    """Run the documented consumer; yield the lines that it prints."""
    environment = {**os.environ, "FlowLogEventHub": hub.connection_string}
    command = [sys.executable, "-c", documented_code()]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 # ours
        assert process.stdout is not None
        end = threading.Timer(SECONDS, process.kill)
        end.start()
        yield iter(process.stdout)
        end.cancel()
        process.kill()


def forwarded(event_format: EventFormat, compression: EventCompression) -> Setup:
    options = EventOptions(format=event_format, compression=compression)
    setup = Setup(ForwardOptions(events=options, start="all"))
    setup.blobs.put(VNET, document([vnet_record(3)]))
    setup.forward()
    return setup


def line(flow: dict[str, object]) -> str:
    return " ".join(str(flow[key]) for key in ("time", "srcIp", "destIp", "destPort", "decision")) + "\n"


def test_the_documented_consumer_reads_every_format_and_passes_over_what_others_send(hub: EventHub) -> None:
    formats = list(itertools.product(get_args(EventFormat), get_args(EventCompression)))
    events = [event for kind in formats for event, _ in forwarded(*kind).sink.events]
    expected = [line(flow) for flow in forwarded("ndjson", "none").flows()] * len(formats)

    with closing(EventHubSink(EventHubConnection("localhost", hub.name, hub.connection_string))) as sink:
        for event in [FOREIGN, NO_PROPERTIES, *events]:
            sink.send([event], "one partition", within=20)

    with consumer(hub) as lines:
        assert list(itertools.islice(lines, len(expected))) == expected


def test_it_has_twenty_lines_or_so() -> None:
    assert len([line for line in documented_code().splitlines() if line]) <= 22
