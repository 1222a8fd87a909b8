"""Follows every symbol, parameter, module path, output and object key of the Bicep files to its definition."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tree_sitter import Node

from tests.infra.bicep import BicepFile, Declaration, object_of, parse, properties, string, text, walk
from tests.infra.shapes import Shapes

# learn.microsoft.com, "Bicep functions": those that the templates use.
FUNCTIONS: Final = frozenset(
    {
        "concat",
        "contains",
        "empty",
        "environment",
        "flatten",
        "guid",
        "items",
        "json",
        "join",
        "last",
        "listKeys",
        "loadTextContent",
        "readEnvironmentVariable",
        "replace",
        "resourceGroup",
        "resourceId",
        "split",
        "string",
        "subscriptionResourceId",
        "take",
        "toLower",
        "union",
        "uniqueString",
    }
)
DECORATORS: Final = frozenset({"allowed", "description", "maxLength", "maxValue", "minLength", "minValue", "secure"})
MODULE_KEYS: Final = frozenset({"dependsOn", "name", "params", "scope"})
RESOURCE_KEYS: Final = frozenset(
    {"dependsOn", "identity", "kind", "location", "name", "parent", "properties", "scope", "sku", "tags"}
)
KEYS: Final = {"module": MODULE_KEYS, "resource": RESOURCE_KEYS}
# What resources tell once they are there, from the reference of each type; every resource has an id and a name.
TOLD: Final[Mapping[str, frozenset[str]]] = {
    "Microsoft.EventGrid/systemTopics": frozenset({"identity.principalId"}),
    "Microsoft.Insights/components": frozenset({"properties.ConnectionString"}),
    "Microsoft.ManagedIdentity/userAssignedIdentities": frozenset({"properties.clientId", "properties.principalId"}),
    "Microsoft.Storage/storageAccounts": frozenset(
        f"properties.primaryEndpoints.{service}" for service in ("blob", "queue", "table")
    ),
    "Microsoft.Web/sites": frozenset({"properties.defaultHostName"}),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """Something in a file that is not as it should be."""

    file: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.text}"


def read(folder: Path) -> dict[str, BicepFile]:
    """Read a folder's files by name."""
    return {path.name: parse(path) for path in sorted(folder.glob("*.bicep*"))}


def reference_faults(files: Mapping[str, BicepFile]) -> list[Fault]:
    """Find what leads nowhere, and what nothing leads to."""
    shapes = Shapes(files)
    faults: list[Fault] = []
    for name, file in files.items():
        found = [*_symbols(file), *_members(file), *_modules(file, files), *_keys(file, shapes)]
        if file.path.suffix == ".bicepparam":
            found += _parameter_file(file, files, shapes)
        faults += [Fault(name, line, what) for line, what in found]
    return faults


Found = Iterator[tuple[int, str]]


def names_used(node: Node, bound: frozenset[str] = frozenset()) -> Iterator[tuple[Node, bool]]:
    """Give each identifier that names a symbol, and whether it is called as a function."""
    if node.type == "identifier":
        if text(node) not in bound:
            yield node, False
        return
    children = node.named_children
    if node.type == "call_expression":
        yield children[0], True
        children = children[1:]
    elif node.type == "object_property":
        key, *children = children
        if key.type != "identifier":
            yield from names_used(key, bound)
    elif node.type == "for_statement":
        own, items, *children = children
        yield from names_used(items, bound)
        bound = bound | loop_names(own)
    for child in children:
        yield from names_used(child, bound)


def loop_names(own: Node) -> frozenset[str]:
    """Give the names that a loop makes: the element's, and the index's where there is one."""
    return frozenset(text(each) for each in (own.named_children or [own]))


def _symbols(file: BicepFile) -> Found:
    names = [each.name for each in file.declarations if each.kind != "output"]
    for repeated in {name for name in names if names.count(name) > 1}:
        yield file.symbols[repeated].line, f"{repeated} is declared more than once"
    used: set[str] = set()
    for declaration in file.declarations:
        for node in [*([declaration.value] if declaration.value else []), *declaration.decorators.values()]:
            for name, is_call in names_used(node):
                if is_call and text(name) not in FUNCTIONS:
                    yield name.start_point.row + 1, f"{text(name)} is no function known here"
                elif not is_call and text(name) not in file.symbols:
                    yield name.start_point.row + 1, f"{text(name)} is not declared"
                used.add(text(name))
            yield from _shadows(node, file)
    if file.path.suffix == ".bicep":
        for declaration in (*file.of("parameter"), *file.of("variable")):
            if declaration.name not in used:
                yield declaration.line, f"{declaration.name} is not used"


def _members(file: BicepFile) -> Found:
    """Find properties that declarations, modules and resources do not have."""
    for declaration in file.declarations:
        for name in declaration.decorators.keys() - DECORATORS:
            yield declaration.line, f"@{name} is no decorator known here"
        for name in declaration.body.keys() - KEYS.get(declaration.kind, declaration.body.keys()):
            yield declaration.line, f"{declaration.name} has no property {name}"
    for node in walk(file.root):
        if node.type == "member_expression" and (node.parent is None or node.parent.type != "member_expression"):
            symbol, *path = member_path(node)
            if not _is_told(symbol, path, file.symbols.get(symbol)):
                yield node.start_point.row + 1, f"{text(node)} is not known here"


def _is_told(symbol: str, path: list[str], declared: Declaration | None) -> bool:
    """Whether a symbol has what is asked of it; parameters and variables are looked at by their shapes."""
    if symbol == "environment()":
        return path in (["name"], ["suffixes", "storage"])
    if symbol == "resourceGroup()":
        return path in (["id"], ["location"])
    if declared is not None and declared.kind == "module":
        return path[0] == "outputs"
    if declared is not None and declared.kind == "resource":
        return path in (["id"], ["name"]) or ".".join(path) in TOLD.get(declared.type.split("@")[0], ())
    return True


def member_path(node: Node) -> list[str]:
    """Give what a chain of member accesses begins with, and its members; an index is left out."""
    if node.type == "member_expression":
        return [*member_path(object_of(node)), text(node.named_children[-1])]
    if node.type == "subscript_expression":
        return member_path(node.named_children[0])
    return [text(node)]


def _shadows(node: Node, file: BicepFile) -> Found:
    for loop in (each for each in walk(node) if each.type == "for_statement"):
        for name in loop_names(loop.named_children[0]) & set(file.symbols):
            yield loop.start_point.row + 1, f"{name} is a symbol of the file and a loop's"


def _modules(file: BicepFile, files: Mapping[str, BicepFile]) -> Found:
    for module in file.of("module"):
        target = files.get(module.type)
        if target is None:
            yield module.line, f"{module.type} is no file of this folder"
            continue
        parameters = {each.name: each for each in target.of("parameter")}
        given = parameters_given(module)
        for name, value in given.items():
            if name not in parameters:
                yield value.start_point.row + 1, f"{module.type} has no parameter {name}"
        for name, parameter in parameters.items():
            if parameter.value is None and name not in given:
                yield module.line, f"{module.type} asks for the parameter {name}"
    for node in (each for each in walk(file.root) if each.type == "member_expression"):
        target = _outputs_of(node, file, files)
        member = text(node.named_children[-1])
        if target is not None and member not in target.outputs:
            yield node.start_point.row + 1, f"{target.path.name} has no output {member}"


def parameters_given(module: Declaration) -> dict[str, Node]:
    """Give the parameters that a module is given."""
    return properties(module.body["params"]) if "params" in module.body else {}


def _outputs_of(node: Node, file: BicepFile, files: Mapping[str, BicepFile]) -> BicepFile | None:
    """Give the file whose output `module.outputs.name` or `module[i].outputs.name` names."""
    inner = object_of(node)
    if inner.type != "member_expression" or text(inner.named_children[-1]) != "outputs":
        return None
    module = object_of(inner)
    if module.type == "subscript_expression":
        module = module.named_children[0]
    declared = file.symbols.get(text(module))
    return files.get(declared.type) if declared is not None and declared.kind == "module" else None


def _keys(file: BicepFile, shapes: Shapes) -> Found:
    """Find keys that objects do not have, and arguments that lack keys which the module goes on to use."""
    for declaration in file.declarations:
        if declaration.value is not None:
            for node, missing in shapes.missing_keys(file, declaration.value):
                yield node.start_point.row + 1, f"{text(node)}: there is no key {missing}"
    for module in file.of("module"):
        yield from _argument_keys(file, module, shapes)


def _argument_keys(file: BicepFile, module: Declaration, shapes: Shapes) -> Found:
    target = shapes.files.get(module.type)
    if target is None or module.value is None:
        return
    scope = shapes.scope_of(file, module.value)
    for name, value in parameters_given(module).items():
        shape = shapes.of(file, value, scope)
        for path in sorted(shapes.used(target, name)):
            missing = shape.missing(path) if shape is not None else None
            if missing is not None:
                yield value.start_point.row + 1, f"{module.type} uses {name}.{'.'.join(path)}: there is no {missing}"


def _parameter_file(file: BicepFile, files: Mapping[str, BicepFile], shapes: Shapes) -> Found:
    using = next(each for each in file.root.named_children if each.type == "using_statement")
    target = files.get(string(using.named_children[0]) or "")
    if target is None:
        yield 1, f"{text(using)} names no file of this folder"
        return
    parameters = {each.name: each for each in target.of("parameter")}
    for name, given in file.symbols.items():
        if name not in parameters:
            yield given.line, f"{target.path.name} has no parameter {name}"
        elif given.value is not None:
            known = shapes.keys_taken(target, name)
            for key in properties(given.value):
                if known is not None and key not in known:
                    yield given.line, f"{name} of {target.path.name} has no key {key}"
    for parameter in parameters.values():
        if parameter.value is None and parameter.name not in file.symbols:
            yield 1, f"{target.path.name} asks for the parameter {parameter.name}"
