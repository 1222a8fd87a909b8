"""What every template must keep to: no keys, no public blobs, TLS 1.2, pinned versions, small described files."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from tree_sitter import Node

from tests.infra.bicep import BicepFile, Declaration, at, string, text, unwrap, walk
from tests.infra.references import Fault

LINES: Final = 150
# Of each type that is made: property, and the text that its value must have.
REQUIRED: Final[Mapping[str, Mapping[str, str]]] = {
    "Microsoft.Storage/storageAccounts": {
        "allowBlobPublicAccess": "false",
        "allowCrossTenantReplication": "false",
        "allowSharedKeyAccess": "false",
        "minimumTlsVersion": "'TLS1_2'",
        "supportsHttpsTrafficOnly": "true",
    },
    "Microsoft.Storage/storageAccounts/blobServices": {"isVersioningEnabled": "false"},
    "Microsoft.Storage/storageAccounts/blobServices/containers": {"publicAccess": "'None'"},
    "Microsoft.EventHub/namespaces": {"disableLocalAuth": "true", "minimumTlsVersion": "'1.2'"},
    "Microsoft.Insights/components": {"DisableLocalAuth": "true"},
    "Microsoft.OperationalInsights/workspaces": {"features.disableLocalAuth": "true"},
    "Microsoft.Web/sites": {
        "httpsOnly": "true",
        "functionAppConfig.runtime.name": "'python'",
        "functionAppConfig.runtime.version": "'3.13'",
        "functionAppConfig.deployment.storage.authentication.type": "'UserAssignedIdentity'",
        "siteConfig.ftpsState": "'Disabled'",
        "siteConfig.minTlsVersion": "'1.2'",
        "siteConfig.scmMinTlsVersion": "'1.2'",
    },
    "Microsoft.Web/sites/basicPublishingCredentialsPolicies": {"allow": "false"},
    "Microsoft.EventGrid/systemTopics/eventSubscriptions": {
        "filter.includedEventTypes": "['Microsoft.Storage.BlobCreated']",
        "filter.subjectEndsWith": "'/PT1H.json'",
        "deadLetterWithResourceIdentity.identity.type": "'SystemAssigned'",
        "retryPolicy.maxDeliveryAttempts": "30",
    },
    "Microsoft.Authorization/roleAssignments": {"principalType": "'ServicePrincipal'"},
}
IDENTITIES: Final = {
    "Microsoft.EventGrid/systemTopics": "'SystemAssigned'",
    "Microsoft.Network/networkWatchers/flowLogs": "'UserAssigned'",
    "Microsoft.Web/sites": "'UserAssigned'",
}
_PINNED: Final = re.compile(r"[A-Za-z.]+(?:/[A-Za-z]+)+@\d{4}-\d{2}-\d{2}(-preview)?")


def policy_faults(files: Mapping[str, BicepFile]) -> list[Fault]:
    """Find what the templates must not do."""
    return [
        Fault(name, line, what)
        for name, file in files.items()
        for line, what in (*_form(file), *_resources(file), *_keys(file), *_lifecycle(file))
    ]


Found = Iterator[tuple[int, str]]


def _form(file: BicepFile) -> Found:
    if len(file.text.splitlines()) > LINES:
        yield LINES, f"more than {LINES} lines"
    for parameter in file.of("parameter"):
        if not parameter.decorators.get("description"):
            yield parameter.line, f"{parameter.name} has no @description"
    for module in file.of("module"):
        if ":" in module.type:
            yield module.line, f"{module.type} is of a registry"
    for resource in file.of("resource"):
        version = _PINNED.fullmatch(resource.type)
        if version is None:
            yield resource.line, f"{resource.type} has no pinned version"
        elif version[1] and "No stable version" not in resource.comment:
            yield resource.line, f"{resource.type} is a preview, and no comment before it says why"


def _resources(file: BicepFile) -> Found:
    for resource in file.of("resource"):
        if resource.existing or resource.value is None:
            continue
        kind = resource.type.split("@")[0]
        for path, expected in REQUIRED.get(kind, {}).items():
            found = at(unwrap(resource.value), "properties", *path.split("."))
            if found is None or text(found) != expected:
                yield resource.line, f"{resource.name}: {path} must be {expected}"
        identity = at(unwrap(resource.value), "identity", "type")
        if kind in IDENTITIES and (identity is None or text(identity) != IDENTITIES[kind]):
            yield resource.line, f"{resource.name}: its identity must be {IDENTITIES[kind]}"


def _keys(file: BicepFile) -> Found:
    """Keys are listed in one place, for the parameter of a module that is marked as a secret."""
    for node in walk(file.root):
        if (
            node.type == "call_expression"
            and text(node.named_children[0]).startswith("list")
            and (file.path.name, _property_of(node)) != ("eventSubscriptions.bicep", "blobsExtensionKey")
        ):
            yield node.start_point.row + 1, "lists keys"
    for parameter in file.of("parameter"):
        if parameter.name.lower().endswith(("key", "secret", "password")) and "secure" not in parameter.decorators:
            yield parameter.line, f"{parameter.name} is not marked with @secure"


def _property_of(node: Node) -> str:
    """Give the name of the property whose value a node is in."""
    while node.type != "object_property" and node.parent is not None:
        node = node.parent
    return text(node.named_children[0])


_CHECKPOINTS_OF: Final = ("'flowlog-checkpoints/${destination}/${", "'flowlog-checkpoints/${destination}/replay=")


def _lifecycle(file: BicepFile) -> Found:
    """Rules delete in the app's two containers only, and of the checkpoints those of an account or a replay."""
    for node in walk(file.root):
        if node.type == "object_property" and text(node.named_children[0]) == "prefixMatch":
            for prefix in node.named_children[1].named_children:
                if string(prefix) == "flowlog-quarantine/":
                    continue
                if not text(prefix).startswith(_CHECKPOINTS_OF):
                    yield node.start_point.row + 1, f"deletes by {text(prefix)}"


def property_text(resource: Declaration, *path: str) -> str:
    """Give the text of a nested property of a resource, or nothing."""
    found = at(unwrap(resource.value), *path) if resource.value is not None else None
    return text(found) if found is not None else ""
