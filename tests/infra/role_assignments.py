"""The role assignments of roles.bicep, and what they must be: which identity has which role where."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from tests.infra.bicep import BicepFile, Declaration, text, walk
from tests.infra.policies import property_text
from tests.infra.references import Fault, parameters_given

BUILT_IN: Final[Mapping[str, str]] = json.loads(
    Path(__file__).with_name("built_in_roles.json").read_text(encoding="utf-8")
)
"""Role names and ids: learn.microsoft.com, "Azure built-in roles"."""

# Identity, what it is on, and role. Adding to this list is a decision about security; see docs/deploy.md, "Roles".
NEEDED: Final = frozenset(
    {
        ("appPrincipalId", "source", "Storage Blob Data Reader"),
        ("appPrincipalId", "host", "Storage Blob Data Owner"),
        ("appPrincipalId", "host", "Storage Queue Data Contributor"),
        ("appPrincipalId", "host", "Storage Table Data Contributor"),
        ("appPrincipalId", "checkpoints", "Storage Blob Data Contributor"),
        ("appPrincipalId", "quarantine", "Storage Blob Data Contributor"),
        ("appPrincipalId", "hub", "Azure Event Hubs Data Sender"),
        ("appPrincipalId", "insights", "Monitoring Metrics Publisher"),
        ("topicPrincipalId", "eventQueue", "Storage Queue Data Message Sender"),
        ("topicPrincipalId", "deadLetters", "Storage Blob Data Contributor"),
        ("flowLogPrincipalId", "source", "Storage Blob Data Contributor"),
    }
)
_ROLE: Final = re.compile(r"subscriptionResourceId\(definitions, '([0-9a-f-]{36})'\)")


def role_faults(files: Mapping[str, BicepFile]) -> list[Fault]:
    """Find roles that are not built in, not explained, missing, too many, or never assigned."""
    roles = files["roles.bicep"]
    faults = [
        Fault(name, resource.line, "assigns a role outside of roles.bicep")
        for name, file in files.items()
        for resource in file.of("resource")
        if resource.type.startswith("Microsoft.Authorization/roleAssignments") and file is not roles
    ]
    assigned = set()
    for assignment in _assignments(roles):
        who = property_text(assignment, "properties", "principalId")
        where = property_text(assignment, "scope")
        role = _role_name(roles, property_text(assignment, "properties", "roleDefinitionId"))
        assigned.add((who, where, role))
        if role not in BUILT_IN:
            faults.append(Fault("roles.bicep", assignment.line, f"{assignment.name} has no known role: {role}"))
        if not assignment.comment:
            faults.append(Fault("roles.bicep", assignment.line, f"no comment says what {assignment.name} is for"))
        if not _is_made(assignment, files):
            faults.append(Fault("roles.bicep", assignment.line, f"no module asks for {assignment.name}"))
    faults += [Fault("roles.bicep", 1, f"missing: {' on '.join(each)}") for each in sorted(NEEDED - assigned)]
    faults += [Fault("roles.bicep", 1, f"not needed: {' on '.join(each)}") for each in sorted(assigned - NEEDED)]
    return faults


def _assignments(roles: BicepFile) -> Iterator[Declaration]:
    for resource in roles.of("resource"):
        if resource.type.startswith("Microsoft.Authorization/roleAssignments"):
            yield resource


def _role_name(roles: BicepFile, variable: str) -> str:
    """Give the name of the built-in role whose id a variable holds."""
    declared = roles.symbols.get(variable)
    match = _ROLE.fullmatch(text(declared.value)) if declared is not None and declared.value is not None else None
    return next((name for name, role in BUILT_IN.items() if match is not None and role == match[1]), variable)


def _is_made(assignment: Declaration, files: Mapping[str, BicepFile]) -> bool:
    """Whether some module gives both of what the assignment's condition asks for."""
    assert assignment.value is not None
    condition = assignment.value.named_children[0]
    asked = {text(node) for node in walk(condition) if node.type == "identifier"} - {"empty"}
    return any(
        asked <= parameters_given(module).keys()
        for file in files.values()
        for module in file.of("module")
        if module.type == "roles.bicep"
    )
