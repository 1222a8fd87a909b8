"""What a deployment would make, worked out by the compiler without Azure, for each way of deploying."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from tests.infra.compiler import Compiler

Resource = Mapping[str, Any]

SUBSCRIPTION: Final = "00000000-0000-0000-0000-000000000001"
GROUP: Final = "flowlogs"
PLACE: Final = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers"
BUILT_IN_ROLES: Final[Mapping[str, str]] = {
    role_id: name
    for name, role_id in json.loads(Path(__file__).with_name("built_in_roles.json").read_text(encoding="utf-8")).items()
}
"""Names by id: learn.microsoft.com, "Azure built-in roles"."""

_NAMES: Final = {
    "app": "flow-app",
    "identity": "app",
    "hostAccount": "host",
    "stateAccount": "state",
    "sourceAccount": "logs",
    "eventHubNamespace": "hubs",
}


def account_id(subscription: str, name: str) -> str:
    """Return the id of a source account of others."""
    return (
        f"/subscriptions/00000000-0000-0000-0000-00000000000{subscription}/resourceGroups/network"
        f"/providers/Microsoft.Storage/storageAccounts/{name}"
    )


_NETWORK: Final = f"{PLACE}/Microsoft.Network/virtualNetworks/landing"
WAYS: Final[Mapping[str, Mapping[str, Any]]] = {
    "default": {"names": _NAMES},
    "unnamed": {},
    "large": {"names": _NAMES, "size": "large"},
    "private": {"names": _NAMES, "isPrivate": True, "network": {"deploymentIpRanges": ["192.0.2.0/24"]}},
    "landing zone": {
        "names": _NAMES,
        "isPrivate": True,
        "network": {
            "appSubnetId": f"{_NETWORK}/subnets/app",
            "endpointSubnetId": f"{_NETWORK}/subnets/endpoints",
            "zonesByPolicy": True,
        },
        "identity": {
            "id": f"{PLACE}/Microsoft.ManagedIdentity/userAssignedIdentities/theirs",
            "principalId": "their-principal",
            "clientId": "their-client",
        },
        "workspaceId": f"{PLACE}/Microsoft.OperationalInsights/workspaces/theirs",
        "actionGroupIds": [f"{PLACE}/Microsoft.Insights/actionGroups/theirs"],
        "sources": [{"accountId": account_id("2", "one"), "ownerAssignsRoles": True, "ownerApprovesEndpoint": True}],
    },
    "existing accounts": {
        "names": _NAMES,
        "sources": [
            {"accountId": account_id("2", "one")},
            {"accountId": account_id("3", "two"), "connection": "Two", "location": "uksouth", "topicName": "theirs"},
        ],
    },
    "queue": {"names": _NAMES, "triggerSource": "StorageQueue"},
    "hub": {"names": _NAMES, "triggerSource": "EventHub"},
    "private hub": {"names": _NAMES, "triggerSource": "EventHub", "isPrivate": True},
    "sweep": {"names": _NAMES, "triggerSource": "Sweep"},
    "flow log with locks": {
        "names": _NAMES,
        "lock": True,
        "alertEmails": ["operator@example.org"],
        "flowLog": {
            "targetId": f"{PLACE}/Microsoft.Network/virtualNetworks/shop",
            "enabledFilteringCriteria": "dstPort=443",
            "recordTypes": "B,E",
        },
    },
}
"""Parameters of each way of deploying."""


@dataclass(frozen=True)
class Prediction:
    """The resources that a deployment would make, and its outputs.

    Attributes:
        resources: As the snapshot has them; what is known only while a deployment runs is an expression in brackets.
        outputs: By name.
        diagnostics: What the compiler had to say.

    """

    resources: tuple[Resource, ...]
    outputs: Mapping[str, Any]
    diagnostics: list[Any]

    def of(self, kind: str) -> dict[str, Resource]:
        """Return the resources of a type by their name."""
        return {each["name"]: each for each in self.resources if each["type"] == kind}

    @cached_property
    def app(self) -> Resource:
        """Return the properties of the Functions app."""
        (app,) = self.of("Microsoft.Web/sites").values()
        properties: Resource = app["properties"]
        return properties

    @cached_property
    def settings(self) -> dict[str, str]:
        """Return the settings of the app, as Azure of the public cloud would complete them."""
        pairs = [(each["name"], _completed(each["value"])) for each in self.app["siteConfig"]["appSettings"]]
        assert len(dict(pairs)) == len(pairs), "a setting is set twice"
        return dict(pairs)

    @cached_property
    def roles(self) -> set[tuple[str, str, str]]:
        """Return who has which role where: principal, scope, name of the role."""
        return {
            (
                _principal(each["properties"]["principalId"]),
                short(_scope(each)),
                BUILT_IN_ROLES[each["properties"]["roleDefinitionId"].rpartition("/")[2]],
            )
            for each in self.resources
            if each["type"] == "Microsoft.Authorization/roleAssignments"
        }


def predict(
    compiler: Compiler, folder: Path, parameters: Mapping[str, Any], template: str = "main.bicep"
) -> Prediction:
    """Return what a template of a folder would make."""
    lines = [f"using '{template}'", *(f"param {name} = {literal(value)}" for name, value in parameters.items())]
    file = folder / "way.bicepparam"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    snapshot = compiler.snapshot(
        file, subscriptionId=SUBSCRIPTION, resourceGroup=GROUP, location="westeurope", deploymentName="flowlogs"
    )
    return Prediction(tuple(snapshot["predictedResources"]), snapshot.get("outputs", {}), snapshot["diagnostics"])


def literal(value: object) -> str:
    """Return a value as Bicep writes it."""
    match value:
        case bool() | int():
            return json.dumps(value)
        case str():
            return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
        case list():
            return "[" + ", ".join(map(literal, value)) + "]"
        case dict():
            return "{ " + ", ".join(f"{name}: {literal(each)}" for name, each in value.items()) + " }"
    raise TypeError(value)


def short(resource_id: str) -> str:
    """Return an id without subscription and group where they are the deployment's own, and without its provider."""
    subscription, group, rest = re.fullmatch(
        r"/subscriptions/([^/]+)/resourceGroups/([^/]+)/providers/[^/]+/(.+)", resource_id
    ).groups()  # type: ignore[union-attr] # every id has these parts
    return rest if (subscription, group) == (SUBSCRIPTION, GROUP) else f"{subscription[-1]}/{group}/{rest}"


def _scope(assignment: Resource) -> str:
    """Return the resource that a role is assigned on."""
    match = re.match(r"\[extensionResourceId\('([^']+)'", assignment["id"])
    return match[1] if match is not None else assignment["id"].partition("/providers/Microsoft.Authorization/")[0]


def _principal(written: str) -> str:
    """Return the resource whose identity it is, or the id where that is known."""
    match = re.match(r"\[reference\('([^']+)'", written)
    return written if match is None else short(match[1])


def _completed(value: str) -> str:
    """Complete what is known in Azure only: the suffix of storage, and the client id of an identity that is made."""
    address = re.fullmatch(r"\[format\('(.*)', '(.*)', environment\(\)\.suffixes\.storage\)\]", value)
    if address is not None:
        return address[1].format(address[2], "core.windows.net")
    return "00000000-0000-0000-0000-0000000000ff" if value.endswith(".clientId]") else value
