"""A Bicep file as data: what it declares, and where which symbols are used. Syntax is tree-sitter's."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final, Literal

import tree_sitter_bicep
from tree_sitter import Language, Node, Parser

Kind = Literal["parameter", "variable", "resource", "module", "output"]

_PARSER: Final = Parser(Language(tree_sitter_bicep.language()))
_KINDS: Final[dict[str, Kind]] = {
    "parameter_declaration": "parameter",
    "variable_declaration": "variable",
    "resource_declaration": "resource",
    "module_declaration": "module",
    "output_declaration": "output",
}


class BicepSyntaxError(ValueError):
    """A file that tree-sitter cannot parse."""


@dataclass(frozen=True, eq=False)
class Declaration:
    """A parameter, variable, resource, module or output.

    Attributes:
        kind: Which of them.
        name: Its symbol.
        type: Declared type, resource type with its API version, or path of the module.
        value: What stands after the equals sign, loops and conditions included; None where nothing does.
        decorators: The arguments of each decorator, by the decorator's name.
        comment: Lines of comment right before it.
        line: From 1.

    """

    kind: Kind
    name: str
    type: str
    value: Node | None
    decorators: Mapping[str, Node]
    comment: str
    line: int
    existing: bool

    @cached_property
    def body(self) -> Mapping[str, Node]:
        """The properties of a resource or module, whatever loop or condition is around them."""
        return {} if self.value is None else properties(unwrap(self.value))

    @property
    def is_repeated(self) -> bool:
        return self.value is not None and self.value.type == "for_statement"


@dataclass(frozen=True, eq=False)
class BicepFile:
    """A parsed file."""

    path: Path
    declarations: tuple[Declaration, ...]
    text: str
    root: Node

    @cached_property
    def symbols(self) -> Mapping[str, Declaration]:
        """What the file's expressions can name."""
        return {each.name: each for each in self.declarations if each.kind != "output"}

    @cached_property
    def outputs(self) -> Mapping[str, Declaration]:
        return {each.name: each for each in self.declarations if each.kind == "output"}

    def of(self, kind: Kind) -> list[Declaration]:
        return [each for each in self.declarations if each.kind == kind]


def parse(path: Path) -> BicepFile:
    """Parse a .bicep file, or a .bicepparam file, whose parameters count as variables."""
    source = path.read_bytes()
    if path.suffix == ".bicepparam":
        # The grammar asks for a type, which parameters have in .bicep files only.
        source = re.sub(rb"^param ", b"var ", source, flags=re.MULTILINE)
    root = _PARSER.parse(source).root_node
    for node in walk(root):
        if node.type == "ERROR" or node.is_missing:
            raise BicepSyntaxError(f"{path.name}:{node.start_point.row + 1}: {text(node)[:60]!r}")
    return BicepFile(path, tuple(_declarations(root)), source.decode(), root)


def _declarations(root: Node) -> Iterator[Declaration]:
    decorators: dict[str, Node] = {}
    comment: list[str] = []
    comment_end = -1
    for node in root.named_children:
        if node.type == "comment":
            comment = [*comment, text(node)] if node.start_point.row == comment_end + 1 else [text(node)]
            comment_end = node.end_point.row
        elif node.type == "decorators":
            for call in (child for decorator in node.named_children for child in decorator.named_children):
                name, arguments = call.named_children
                decorators[text(name)] = arguments
        elif node.type in _KINDS:
            is_near = comment_end + 1 == node.start_point.row
            yield _declaration(node, decorators, "\n".join(comment) if is_near else "")
            decorators, comment = {}, []


def _declaration(node: Node, decorators: Mapping[str, Node], comment: str) -> Declaration:
    kind = _KINDS[node.type]
    names = [child for child in node.named_children if child.type not in {"comment", "diagnostic_comment"}]
    has_value = any(child.type == "=" for child in node.children)
    typed = names[1] if kind != "variable" else None
    return Declaration(
        kind=kind,
        name=text(names[0]),
        type="" if typed is None else string(typed) or text(typed),
        value=names[-1] if has_value else None,
        decorators=decorators,
        comment=comment,
        line=node.start_point.row + 1,
        existing=any(child.type == "existing" for child in node.children),
    )


def walk(node: Node) -> Iterator[Node]:
    """Go through a node and all that is in it, in order."""
    yield node
    for child in node.children:
        yield from walk(child)


def text(node: Node) -> str:
    return (node.text or b"").decode()


def string(node: Node) -> str | None:
    """Give a string's content, or None where it is no string or holds an interpolation."""
    if node.type != "string" or any(child.type == "interpolation" for child in node.named_children):
        return None
    return text(node)[1:-1].replace("\\'", "'")


def unwrap(node: Node) -> Node:
    """Give what a loop or a condition is around."""
    while node.type in {"for_statement", "if_statement"}:
        node = node.named_children[-1]
    return node


def properties(node: Node) -> dict[str, Node]:
    """Give an object's properties; a name with an interpolation is given as it is written."""
    found = {}
    if node.type == "object":
        for child in node.named_children:
            if child.type == "object_property":
                name, value = (each for each in child.named_children if each.type != "comment")
                found[string(name) or text(name)] = value
    return found


def object_of(member: Node) -> Node:
    """Give what a member access is on. The grammar reads ``a ? b : c.d`` and ``!c.d`` as if the dot came last."""
    whole = member.named_children[0]
    while whole.type in {"ternary_expression", "unary_expression", "binary_expression"}:
        whole = whole.named_children[-1]
    return whole


def at(node: Node, *path: str) -> Node | None:
    """Follow a path of property names through nested objects."""
    found: Node | None = node
    for name in path:
        found = properties(found).get(name) if found is not None else None
    return found
