"""The faults that this package raises: each says what, where, and what to do about it."""

from collections.abc import Sequence


class FlowLogError(Exception):
    """Base of every error that this package raises on purpose."""


class SettingsError(FlowLogError):
    """Settings that are missing or wrong, all of them at once.

    Attributes:
        faults: One sentence a fault, each beginning with the setting's name.

    """

    def __init__(self, faults: Sequence[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("settings: " + "; ".join(self.faults))


class EventLimitError(FlowLogError):
    """The hub, or a setting, allows only events that are too small for a flow."""


class NotAFlowLogError(FlowLogError):
    """A blob that has no ``"records":[`` where every flow log has it."""


class BlobUrlError(FlowLogError):
    """A URL that is no blob's, or that nothing says how to sign in to."""


class BlobGoneError(FlowLogError):
    """The source blob does not exist (any more). There is nothing left to forward."""


class BlobChangedError(FlowLogError):
    """The source blob is no longer the one that the plan was made for: make a new plan."""


class CheckpointLostError(FlowLogError):
    """The checkpoint belongs to another run by now: nothing may be sent or committed by this one any more."""


class CheckpointUnreadableError(FlowLogError):
    """A checkpoint that this version can't read: neither skipped nor begun again, as both would be wrong."""


class QuarantineUnreadableError(FlowLogError):
    """A blob in quarantine that is no item, or one of a version that this one can't read. It is left as it is."""


class ItemGoneError(FlowLogError):
    """There is no such item in quarantine (any more)."""


class BytesGoneError(FlowLogError):
    """The bytes of an item in quarantine are not to be had (any more), so that it can't be decoded anew."""


class StorageError(FlowLogError):
    """A storage account refused or failed a request for a reason that a later run may not meet."""


class SendError(FlowLogError):
    """Event Hubs did not acknowledge events; they may have arrived or not.

    Attributes:
        busy: Whether the service asked for a pause, rather than the connection failing.

    """

    def __init__(self, message: str, *, busy: bool) -> None:
        self.busy = busy
        super().__init__(message)


class ReceiveError(FlowLogError):
    """Events can't be read from Event Hubs."""


class PassEndedError(FlowLogError):
    """A pass ends before the blob does. That is no fault: what is acknowledged is committed, the next run goes on."""


class OutOfTimeError(PassEndedError):
    """The run's time is up."""


class BusyError(PassEndedError):
    """The run's time is up, and the hub asked for pauses all along."""


class StoppedError(PassEndedError):
    """The process was asked to stop."""
