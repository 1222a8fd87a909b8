"""What every template must keep to, looked up in what the compiler made of it.

No keys, no public blobs, TLS 1.2, pinned versions, everything described.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from tests.infra.compiler import Template

# Of each type that is made: property, and the value that it must have.
REQUIRED: Final[Mapping[str, Mapping[str, object]]] = {
    "Microsoft.Storage/storageAccounts": {
        "allowBlobPublicAccess": False,
        "allowCrossTenantReplication": False,
        "allowSharedKeyAccess": False,
        "minimumTlsVersion": "TLS1_2",
        "supportsHttpsTrafficOnly": True,
    },
    "Microsoft.Storage/storageAccounts/blobServices": {"isVersioningEnabled": False},
    "Microsoft.Storage/storageAccounts/blobServices/containers": {"publicAccess": "None"},
    "Microsoft.EventHub/namespaces": {"disableLocalAuth": True, "minimumTlsVersion": "1.2"},
    "Microsoft.Insights/components": {"DisableLocalAuth": True},
    "Microsoft.OperationalInsights/workspaces": {"features.disableLocalAuth": True},
    "Microsoft.Web/sites": {
        "httpsOnly": True,
        "functionAppConfig.runtime.name": "python",
        "functionAppConfig.runtime.version": "3.13",
        "functionAppConfig.deployment.storage.authentication.type": "UserAssignedIdentity",
        "siteConfig.minTlsVersion": "1.2",
        "siteConfig.scmMinTlsVersion": "1.2",
    },
    "Microsoft.Web/sites/basicPublishingCredentialsPolicies": {"allow": False},
    "Microsoft.EventGrid/systemTopics/eventSubscriptions": {
        "filter.includedEventTypes": ["Microsoft.Storage.BlobCreated"],
        "filter.subjectEndsWith": "/PT1H.json",
        "deadLetterWithResourceIdentity.identity.type": "SystemAssigned",
        "retryPolicy.maxDeliveryAttempts": 30,
    },
    "Microsoft.Authorization/roleAssignments": {"principalType": "ServicePrincipal"},
}
IDENTITIES: Final = {
    "Microsoft.EventGrid/systemTopics": "SystemAssigned",
    "Microsoft.Network/networkWatchers/flowLogs": "UserAssigned",
    "Microsoft.Web/sites": "UserAssigned",
}
PREVIEWS: Final = {"Microsoft.Insights/diagnosticSettings"}
"""Types without a stable version that has what is used of them."""
_DEPLOYMENT: Final = "Microsoft.Resources/deployments"
_SECRET: Final = re.compile(r"(key|secret|password)$", re.IGNORECASE)
_LISTS: Final = re.compile(r"\blist[A-Z]\w*\(")


def policy_faults(template: Template) -> list[str]:
    """Find what a template, or one that it holds, must not do."""
    return [fault for each in all_templates(template) for fault in (*_parameters(each), *_resources(each))]


def all_templates(template: Template) -> Iterator[Template]:
    """Return a template, and all that it deploys."""
    yield template
    for resource in _resources_of(template):
        if resource["type"] == _DEPLOYMENT:
            yield from all_templates(resource["properties"]["template"])


def _resources_of(template: Template) -> list[dict[str, Any]]:
    resources = template.get("resources", {})
    return list(resources.values() if isinstance(resources, dict) else resources)


def _parameters(template: Template) -> Iterator[str]:
    for name, parameter in template.get("parameters", {}).items():
        if not parameter.get("metadata", {}).get("description"):
            yield f"the parameter {name} has no description"
        if _SECRET.search(name) and parameter["type"].lower() != "securestring":
            yield f"the parameter {name} is not marked as secure"


def _resources(template: Template) -> Iterator[str]:
    for resource in _resources_of(template):
        kind = resource["type"]
        if kind == _DEPLOYMENT:
            yield from _keys(resource["properties"].get("parameters", {}), {"blobsExtensionKey"})
            continue
        yield from _keys(resource, set())
        if resource.get("existing"):
            continue
        if resource["apiVersion"].endswith("-preview") and kind not in PREVIEWS:
            yield f"{kind} is a preview"
        for path, expected in REQUIRED.get(kind, {}).items():
            if _at(resource.get("properties"), path) != expected:
                yield f"{kind}: {path} must be {expected}"
        if kind in IDENTITIES and _at(resource, "identity.type") != IDENTITIES[kind]:
            yield f"{kind}: its identity must be {IDENTITIES[kind]}"
        if kind == "Microsoft.Authorization/roleAssignments" and not _at(resource, "metadata.description"):
            yield f"no description says what calls need the role {_at(resource, 'properties.roleDefinitionId')}"


def _keys(values: Mapping[str, Any], allowed: set[str]) -> Iterator[str]:
    """Find keys that are listed elsewhere than for a parameter that is marked as secure."""
    for name, value in values.items():
        if name not in allowed and _LISTS.search(repr(value)):
            yield f"{name} lists keys"


def _at(whole: object, path: str) -> object:
    for name in path.split("."):
        whole = whole.get(name) if isinstance(whole, dict) else None
    return whole
