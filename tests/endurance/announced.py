"""The app in Microsoft's worker, called for one blob after the other; a process of its own, which tells what it holds.

It takes the blobs' names on standard input, one a line, and writes a line of JSON after each part of them: `announced`,
the calls so far; `blocks`, the interpreter's blocks of memory, of which every object has one or more; `bytes`, the
resident set. Its arguments are the size of a part, and how many checkpoints and clients of blobs the app keeps at
most.
"""

import asyncio
import gc
import itertools
import json
import os
import sys
import uuid
from typing import Final

from flowlog_core.adapters.storage import blobs, checkpoints
from local.functions_host.triggers import BlobTrigger, read_triggers
from local.functions_host.worker import Arguments, ModelBindingData, ParameterBinding, TypedData, invoke, load_app
from tests.endurance.backlog import memory_of
from tests.support.app import APP

_AT_ONCE: Final = 8
_ATTEMPTS: Final = 5  # as the host: Azurite closes idle connections


def _arguments(trigger: BlobTrigger, name: str) -> Arguments:
    reference = {"Connection": trigger.connection, "ContainerName": trigger.container, "BlobName": name}
    data = ModelBindingData("1.0", "AzureStorageBlobs", "application/json", json.dumps(reference).encode())
    return Arguments(ParameterBinding(trigger.parameter, TypedData(model_binding_data=data)), {})


def _held(announced: int) -> dict[str, int]:
    gc.collect()
    return {"announced": announced, "blocks": sys.getallocatedblocks(), "bytes": memory_of(os.getpid(), "VmRSS")}


async def announce(names: list[str], part: int) -> None:
    """Call the app's blob function for each name, some at a time; say what the process holds after each part."""
    sys.path.insert(0, str(APP))
    triggers = read_triggers(await load_app(APP, os.environ.copy()), os.environ)
    trigger = next(each for each in triggers if isinstance(each, BlobTrigger))
    slots = asyncio.Semaphore(_AT_ONCE)

    async def call(name: str) -> None:
        async with slots:
            for _ in range(_ATTEMPTS):
                error = await invoke(str(uuid.uuid4()), trigger.function_id, _arguments(trigger, name))
                if error is None:
                    return
            raise AssertionError(error)

    announced = 0
    for batch in itertools.batched(names, part, strict=False):
        await asyncio.gather(*map(call, batch))
        announced += len(batch)
        print(json.dumps(_held(announced)), flush=True)


if __name__ == "__main__":
    part, kept = map(int, sys.argv[1:])
    checkpoints.MOST_KEPT = blobs.CLIENTS_KEPT = kept
    asyncio.run(announce(sys.stdin.read().splitlines(), part))
