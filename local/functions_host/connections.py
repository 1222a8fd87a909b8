"""Where a trigger's connection is: in an app setting of that name, as a connection string."""

from collections.abc import Mapping

from local.functions_host.app_folder import HostError
from local.functions_host.triggers import BlobTrigger, EventHubTrigger, QueueTrigger


def connection_string(trigger: BlobTrigger | EventHubTrigger | QueueTrigger, settings: Mapping[str, str]) -> str:
    """Return the connection string of a trigger.

    Raises:
        HostError: There is no such setting, or the connection is identity-based.

    """
    name = trigger.connection
    if name in settings:
        return settings[name]
    identity = sorted(setting for setting in settings if setting.startswith(f"{name}__"))
    if identity:
        raise HostError(
            f"function {trigger.function}: its connection {name} is identity-based ({', '.join(identity)}), "
            f"which this host doesn't serve: set {name} to a connection string"
        )
    raise HostError(f"function {trigger.function}: there is no app setting {name}, which its connection names")
