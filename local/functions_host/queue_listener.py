"""The listener of a queue trigger: messages of a storage queue, and what becomes of those that can't be served."""

import asyncio
import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from azure.core.exceptions import AzureError, ResourceExistsError, ResourceNotFoundError
from azure.storage.queue import QueueMessage, QueueServiceClient

from local.functions_host.app_folder import QueueLimits
from local.functions_host.connections import connection_string
from local.functions_host.event_lines import Event
from local.functions_host.invocations import Invocations
from local.functions_host.triggers import QueueTrigger

_INVISIBLE_SECONDS = 600  # a message that was taken; one whose host was killed comes again after that
_TIMEOUT_SECONDS = 10


class QueueListener:
    """Serves the messages of one queue. It reports `host.poll_failed`, once until a poll succeeds again.

    As the host does, it fetches a batch as soon as few enough are being served; a message that fails is visible again
    at once, and goes to the queue's poison queue after so many attempts. One that is not in the encoding that host.json
    names goes there without an invocation.
    """

    def __init__(
        self,
        trigger: QueueTrigger,
        invocations: Invocations,
        report: Callable[[Event], None],
        *,
        settings: Mapping[str, str],
        limits: QueueLimits,
        poll_seconds: float,
    ) -> None:
        """Take what listening needs; the settings have the trigger's connection string.

        Raises:
            HostError: They don't.

        """
        service = QueueServiceClient.from_connection_string(
            connection_string(trigger, settings),
            retry_total=0,
            connection_timeout=_TIMEOUT_SECONDS,
            read_timeout=_TIMEOUT_SECONDS,
        )
        self._trigger = trigger
        self._invocations = invocations
        self._report = report
        self._limits = limits
        self._poll_seconds = poll_seconds
        self._queue = service.get_queue_client(trigger.queue)
        self._poison = service.get_queue_client(f"{trigger.queue}-poison")
        self._served = 0

    async def listen(self) -> None:
        """Serve what comes, until it is cancelled."""
        failing = False
        while True:
            messages: Sequence[QueueMessage] = ()
            if self._served <= self._limits.new_batch_threshold:
                try:
                    messages = await asyncio.to_thread(self._receive)
                except AzureError as error:
                    if not failing:
                        fault = {"function": self._trigger.function, "error": str(error)}
                        self._report({"event": "host.poll_failed", **fault})
                    failing = True
                else:
                    failing = False
            for message in messages:
                self._served += 1
                self._invocations.begin(self._serve(message))
            await asyncio.sleep(0 if messages else self._poll_seconds)

    def _receive(self) -> Sequence[QueueMessage]:
        try:
            return list(
                self._queue.receive_messages(
                    messages_per_page=self._limits.batch_size,
                    max_messages=self._limits.batch_size,
                    visibility_timeout=_INVISIBLE_SECONDS,
                )
            )
        except ResourceNotFoundError:
            return ()

    async def _serve(self, message: QueueMessage) -> None:
        try:
            await self._attempt(message)
        finally:
            self._served -= 1

    async def _attempt(self, message: QueueMessage) -> None:
        about: Event = {"function": self._trigger.function, "connection": self._trigger.connection}
        attempt = message.dequeue_count or 1
        text = self._decode(message.content)
        if text is None:
            await asyncio.to_thread(self._move_to_poison, message)
            self._invocations.give_up(about, 0)
            return
        arguments = self._trigger.make_arguments(message, text)
        if await self._invocations.invoke(self._trigger.function_id, arguments, {**about, "attempt": attempt}):
            await asyncio.to_thread(self._queue.delete_message, message)
        elif attempt < self._limits.attempts:
            await asyncio.to_thread(self._queue.update_message, message, visibility_timeout=0)
        else:
            await asyncio.to_thread(self._move_to_poison, message)
            self._invocations.give_up(about, attempt)

    def _decode(self, content: str) -> str | None:
        """Decode a message as host.json says; None where it is not in that encoding."""
        if self._limits.encoding == "none":
            return content
        try:
            return base64.b64decode(content, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            return None

    def _move_to_poison(self, message: QueueMessage) -> None:
        with suppress(ResourceExistsError):
            self._poison.create_queue()
        self._poison.send_message(message.content)
        self._queue.delete_message(message)
