"""Post the flows of a hub to Azure Monitor: `upload.py namespace.servicebus.windows.net flowlogs azure-monitor`.

It takes INGESTION_ENDPOINT and RULE_ID, the outputs of event-hub.bicep, and CHECKPOINTS, the URL of a blob container,
from the environment. Its identity reads the hub, writes to the container and is Monitoring Metrics Publisher of the
rule. It needs the packages azure-eventhub, azure-eventhub-checkpointstoreblob and azure-identity.
"""

import gzip
import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import cast
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from azure.core.credentials import TokenCredential
from azure.eventhub import EventData, EventHubConsumerClient, PartitionContext
from azure.identity import DefaultAzureCredential

SCHEMAS = (b"flow/1", b"asim/0.2.7")
STREAM = "Custom-FlowLogEvents"
SCOPE = "https://monitor.azure.com/.default"
MOST_BYTES = (
    1_000_000  # of a call, compressed or not: learn.microsoft.com/azure/azure-monitor/fundamentals/service-limits
)
AGAIN = (429, 503)


def flows(event: EventData) -> Iterator[str]:
    """Yield each flow of an event as JSON; none of an event that is not the forwarder's."""
    if (event.properties or {}).get(b"schema") not in SCHEMAS:
        return
    body = b"".join(cast("Iterable[bytes]", event.body))
    properties = event.raw_amqp_message.properties
    if properties and properties.content_encoding == b"gzip":
        body = gzip.decompress(body)
    if event.content_type == "application/x-ndjson":
        yield from body.decode().split("\n")
    else:
        document = json.loads(body)
        yield from map(json.dumps, document.get("records", [document]))


def calls(rows: Iterable[str]) -> Iterator[bytes]:
    """Yield bodies of calls, none over the limit, with all rows in order."""
    body = b""
    for row in rows:
        item = json.dumps({"RawData": row}).encode()
        if body and len(body) + len(item) + 2 > MOST_BYTES:
            yield body + b"]"
            body = b""
        body += (b"," if body else b"[") + item
    if body:
        yield body + b"]"


def poster(endpoint: str, rule_id: str, credential: TokenCredential) -> Callable[[bytes], None]:
    """Return what posts a body to the rule, again where the service asks for patience.

    Raises:
        urllib.error.URLError: from what is returned, where the service refuses or can't be reached.

    """
    url = f"{endpoint}/dataCollectionRules/{rule_id}/streams/{STREAM}?api-version=2023-01-01"

    def post(body: bytes) -> None:
        while True:
            headers = {
                "Authorization": f"Bearer {credential.get_token(SCOPE).token}",
                "Content-Type": "application/json",
                "Content-Encoding": "gzip",
            }
            try:
                with urlopen(Request(url, gzip.compress(body), headers), timeout=60):  # noqa: S310 # an address of Azure
                    return
            except HTTPError as error:
                if error.code not in AGAIN:
                    raise
                time.sleep(float(error.headers.get("Retry-After", 5)))

    return post


def upload(client: EventHubConsumerClient, post: Callable[[bytes], None]) -> None:
    """Read until the client is closed; a position is kept only after its flows are posted."""

    def on_batch(partition: PartitionContext, events: Sequence[EventData]) -> None:
        for body in calls(flow for event in events for flow in flows(event)):
            post(body)
        partition.update_checkpoint()

    client.receive_batch(on_batch, max_batch_size=100, max_wait_time=5, starting_position="-1")


def main(namespace: str, hub: str, group: str) -> None:
    """Read a hub with this machine's identity."""
    # The rest of the file is of use without this package.
    from azure.eventhub.extensions.checkpointstoreblob import (  # type: ignore[import-not-found,unused-ignore]  # noqa: PLC0415
        BlobCheckpointStore,
    )

    credential = DefaultAzureCredential()
    account, _, container = os.environ["CHECKPOINTS"].rpartition("/")
    store = BlobCheckpointStore(account, container, credential=credential)
    post = poster(os.environ["INGESTION_ENDPOINT"], os.environ["RULE_ID"], credential)
    with EventHubConsumerClient(namespace, hub, group, credential, checkpoint_store=store) as client:
        upload(client, post)


if __name__ == "__main__":
    main(*sys.argv[1:])
