"""A Functions app for the tests of the host: it logs what it was called with, and does what a blob's name says.

`fail/…` raises, `flaky/…` raises at the first two calls, `hold/{gate}/…` waits until the container `gates` has the blob
`{gate}`. `thread/…` logs in a thread of its own; `thread/copied` does so in a copy of the function's context, and
`thread/late` in one that goes on until `thread/last`. `SAMPLE_FAULT` makes the import fail; with `SampleHub` there is
an event hub function, too.
"""

import collections
import contextvars
import json
import logging
import os
import threading
import time
from typing import List  # noqa: UP035  the worker refuses the built-in type for a parameter of several events

import azure.functions as func
from azure.functions.timer import TimerRequest
from azure.storage.blob import BlobClient

from flowlog_core.adapters.functions_host.blob_name import BlobName

if fault := os.environ.get("SAMPLE_FAULT"):
    raise ValueError(fault)

app = func.FunctionApp()
log = logging.getLogger("sample")
log.info("imported")
lock = threading.Lock()
calls: collections.Counter[str] = collections.Counter()
inside = 0
most_inside = 0
late = threading.Thread(target=print)
last = threading.Event()


@app.blob_trigger(arg_name="blob", path="inbox/{name}", connection="SampleStorage", source=func.BlobSource.EVENT_GRID)
def record(blob: BlobName, context: func.Context) -> None:
    global inside, most_inside  # noqa: PLW0603  the app's only state, as in the small apps people write
    print("what an app prints is not an event")
    name = blob.name
    with lock:
        calls[name] += 1
        inside += 1
        most_inside = max(most_inside, inside)
    try:
        behave(name)
    finally:
        with lock:
            inside -= 1
    called = {
        "function": context.function_name,
        "container": blob.container,
        "blob": name,
        "text": client_of(blob.container, name).download_blob().readall().decode(),
        "most_inside": most_inside,
    }
    log.info(json.dumps(called))


def behave(name: str) -> None:
    kind, _, rest = name.partition("/")
    if kind == "fail":
        log.error("about to fail for %s", name)
        raise ValueError(f"no luck with {name}")
    if kind == "flaky" and calls[name] <= 2:
        raise ConnectionError(f"call {calls[name]} of {name}")
    if kind == "hold":
        log.info("holding %s", name)
        gate = client_of("gates", rest.partition("/")[0])
        while not gate.exists():
            time.sleep(0.02)
    if kind == "thread":
        log_in_thread(rest)


def client_of(container: str, name: str) -> BlobClient:
    connection = os.environ["SampleStorage"]  # noqa: SIM112  connections are named like this in Functions
    return BlobClient.from_connection_string(connection, container, name)


def log_in_thread(name: str) -> None:
    global late  # noqa: PLW0603  as above
    context = contextvars.Context() if name == "own" else contextvars.copy_context()
    if name == "late":
        late = threading.Thread(target=lambda: (last.wait(), context.run(log.info, "in a thread: late")))
        late.start()
        return
    if name == "last":
        last.set()
        late.join()
    thread = threading.Thread(target=context.run, args=(log.info, "in a thread: %s", name))
    thread.start()
    thread.join()


@app.queue_trigger(arg_name="message", queue_name="messages", connection="SampleStorage")
def take(message: func.QueueMessage) -> None:
    text = message.get_body().decode()
    log.info(json.dumps({"take": text, "attempt": message.dequeue_count}))
    if text.startswith("fail"):
        raise ValueError(f"no luck with {text}")


def take_events(events: List[func.EventHubEvent]) -> None:  # noqa: UP006  as above
    taken = [
        {"body": event.get_body().decode(), "key": event.partition_key, "number": event.sequence_number}
        for event in events
        if event.enqueued_time is not None
    ]
    log.info(json.dumps({"events": taken}))
    if any(str(event["body"]).startswith("fail") for event in taken):
        raise ValueError("no luck with a batch")


if "SampleHub" in os.environ:
    app.event_hub_message_trigger(
        arg_name="events", event_hub_name="sample", connection="SampleHub", cardinality=func.Cardinality.MANY
    )(take_events)


@app.timer_trigger(arg_name="timer", schedule="%SAMPLE_SCHEDULE%")
async def tick(timer: TimerRequest) -> None:
    log.info(json.dumps({"tick": timer.schedule_status, "past_due": timer.past_due}))


@app.timer_trigger(arg_name="timer", schedule="0 0 0 1 1 *", run_on_startup=True)
def at_start(timer: TimerRequest) -> None:
    log.warning("started, past due: %s", timer.past_due)
