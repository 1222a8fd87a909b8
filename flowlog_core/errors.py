"""Every error of this package: each says what is wrong, where, and what to do about it.

    FlowLogError
    ├── SettingsError              app settings
    ├── SettingValueError          the text of one app setting
    ├── FieldsError                a choice of a flow's keys
    ├── UsageError                 a command's arguments
    ├── BlobUrlError               the URL of a blob
    ├── EventLimitError            the size of events
    │
    ├── NotAFlowLogError           a blob
    ├── ShapeError                 a record
    ├── EventUnreadableError       an event on the hub
    │
    ├── BlobGoneError              a source blob that was deleted
    ├── BlobChangedError           a source blob that was rewritten
    ├── ItemGoneError              an item that was deleted from quarantine
    ├── BytesGoneError             the bytes of an item in quarantine
    ├── CheckpointLostError        a checkpoint that another run has taken over
    ├── CheckpointUnreadableError  a checkpoint, or the time of the first run, of another version or writer
    ├── LastSweepUnreadableError   what the last sweep left, written by something else
    ├── QuarantineUnreadableError  an item in quarantine of another version
    │
    ├── StorageError               a storage account
    │   └── BlobArchivedError      a source blob in the archive tier
    ├── SendError                  Event Hubs, sending
    ├── ReceiveError               Event Hubs, reading
    ├── TallyError                 the local disk
    │
    └── PassEndedError             a pass that ends before its blob does
        ├── OutOfTimeError         the run's time is up
        ├── BusyError              the hub was busy until then
        └── StoppedError           the process was asked to stop

The first group is for a person to correct. The second costs the input that it is about, and nothing else. The third
says that stored state is not what was expected: trying again as before would be wrong. The last is a service or a disk
that failed: a later try may succeed. The fourth is no fault: the next run goes on.
"""

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


class SettingValueError(FlowLogError):
    """A text that a setting does not take. The error's text goes on after the setting's name, and holds no secret."""


class FieldsError(FlowLogError):
    """A choice of fields that can't be met."""


class UsageError(FlowLogError):
    """What was asked for can't be done as it was asked. Its text says why, and what to do."""


class BlobUrlError(FlowLogError):
    """A URL that is no blob's, or that nothing says how to sign in to."""


class EventLimitError(FlowLogError):
    """The hub, or a setting, allows only events that are too small for a flow."""


class NotAFlowLogError(FlowLogError):
    """A blob that has no ``"records":[`` where every flow log has it."""


class ShapeError(FlowLogError):
    """A record whose version or shape is not known. Its text says which part, without any of its content."""


class EventUnreadableError(FlowLogError):
    """An event that is none of the forwarder's, or whose body is not what it announces."""


class BlobGoneError(FlowLogError):
    """The source blob does not exist (any more). There is nothing left to forward."""


class BlobChangedError(FlowLogError):
    """The source blob is no longer the one that the plan was made for: make a new plan."""


class ItemGoneError(FlowLogError):
    """There is no such item in quarantine (any more)."""


class BytesGoneError(FlowLogError):
    """The bytes of an item in quarantine are not to be had (any more), so that it can't be decoded anew."""


class CheckpointLostError(FlowLogError):
    """The checkpoint belongs to another run by now: nothing may be sent or committed by this one any more."""


class CheckpointUnreadableError(FlowLogError):
    """Stored progress that this version can't read: neither skipped nor begun again, as both would be wrong.

    Its text names the blob that has it, and says what to do.
    """


class LastSweepUnreadableError(FlowLogError):
    """What the last sweep left (its position, or when sources last wrote) can't be read: the next one begins anew."""


class QuarantineUnreadableError(FlowLogError):
    """A blob in quarantine that is no item, or one of a version that this one can't read. It is left as it is."""


class StorageError(FlowLogError):
    """A storage account refused or failed a request for a reason that a later run may not meet."""


class BlobArchivedError(StorageError):
    """The source blob is in the archive tier: it can be listed, and read only after it is rehydrated."""


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


class TallyError(FlowLogError):
    """Totals can't be kept on the disk."""


class PassEndedError(FlowLogError):
    """A pass ends before the blob does. That is no fault: what is acknowledged is committed, the next run goes on."""


class OutOfTimeError(PassEndedError):
    """The run's time is up."""


class BusyError(PassEndedError):
    """The run's time is up, and the hub asked for pauses all along."""


class StoppedError(PassEndedError):
    """The process was asked to stop."""
