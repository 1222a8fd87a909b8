"""What keys objects have, as far as the Bicep files say: a small inference over literals, unions, loops and outputs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Final

from tree_sitter import Node

from tests.infra.bicep import BicepFile, Declaration, object_of, properties, text, walk

Path = tuple[str, ...]
ELEMENT: Final = "[]"
"""A step of a path: into any element of a list."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The keys of an object, or the elements of a list; None stands for what is not known.

    Attributes:
        keys: Of an object, each with what is behind it.
        element: Of a list, what its elements have in common.

    """

    keys: Mapping[str, "Shape | None"] = field(default_factory=dict)
    element: "Shape | None" = None
    is_list: bool = False

    def missing(self, path: Path) -> str | None:
        """Give the first step of a path that does not exist, or None where all of it may."""
        here: Shape | None = self
        for step in path:
            if here is None:
                return None
            if step == ELEMENT:
                here = here.element
            elif here.is_list:
                return None
            elif step not in here.keys:
                return step
            else:
                here = here.keys[step]
        return None


Scope = Mapping[str, Shape | None]


class Shapes:
    """Infers shapes in a set of files."""

    def __init__(self, files: Mapping[str, BicepFile]) -> None:
        self.files = files
        self.used = cache(self._used)

    def of(self, file: BicepFile, node: Node, scope: Scope) -> Shape | None:
        """Give the shape of an expression; `scope` has those of the loops' names around it."""
        infer = {
            "array": self._array,
            "binary_expression": self._binary,
            "call_expression": self._call,
            "for_statement": self._for,
            "identifier": self._symbol,
            "if_statement": self._inner,
            "member_expression": self._member,
            "object": self._object,
            "parenthesized_expression": self._inner,
            "subscript_expression": self._subscript,
            "ternary_expression": self._ternary,
        }.get(node.type)
        return infer(file, node, scope) if infer is not None else None

    def missing_keys(self, file: BicepFile, value: Node) -> Iterator[tuple[Node, str]]:
        """Find the member accesses in a declaration's value that name a key which is not there."""
        scope = self.scope_of(file, value)
        for node in walk(value):
            if node.type == "member_expression":
                whole = self.of(file, object_of(node), scope)
                key = text(node.named_children[-1])
                if whole is not None and not whole.is_list and key not in whole.keys:
                    yield node, key

    def scope_of(self, file: BicepFile, value: Node) -> dict[str, Shape | None]:
        """Give the shapes of the names that the loops within a value make."""
        scope: dict[str, Shape | None] = {}
        for loop in (each for each in walk(value) if each.type == "for_statement"):
            scope |= self._loop(file, loop, scope)
        return scope

    def keys_taken(self, file: BicepFile, parameter: str) -> set[str] | None:
        """Give the keys that a parameter may have where it edits defaults: ``union(defaults, parameter)``."""
        for node in walk(file.root):
            if node.type == "call_expression" and text(node.named_children[0]) == "union":
                defaults, edits = node.named_children[1].named_children
                if text(edits) == parameter:
                    shape = self.of(file, defaults, {})
                    return set(shape.keys) if shape is not None else None
        for module in file.of("module"):
            for name, value in _given(module).items():
                if text(value) == parameter and module.type in self.files:
                    return self.keys_taken(self.files[module.type], name)
        return None

    def _used(self, file: BicepFile, parameter: str) -> frozenset[Path]:
        """Give the paths into a parameter that a file, and the modules that it hands it on to, rely on."""
        found: set[Path] = set()
        for declaration in file.declarations:
            if declaration.value is None:
                continue
            prefixes: dict[str, Path] = {parameter: ()}
            for loop in (each for each in walk(declaration.value) if each.type == "for_statement"):
                own, items = loop.named_children[:2]
                if text(items) in prefixes:
                    element = text((own.named_children or [own])[0])
                    prefixes[element] = (*prefixes[text(items)], ELEMENT)
            for node in walk(declaration.value):
                path = _path(node)
                if path is not None and path[0] in prefixes and len(path) > 1:
                    found.add((*prefixes[path[0]], *path[1:]))
            if declaration.kind == "module" and declaration.type in self.files:
                for name, value in _given(declaration).items():
                    path = _path(value)
                    if path is not None and path[0] in prefixes:
                        found |= {
                            (*prefixes[path[0]], *path[1:], *rest)
                            for rest in self.used(self.files[declaration.type], name)
                        }
        return frozenset(found)

    def _loop(self, file: BicepFile, loop: Node, scope: Scope) -> dict[str, Shape | None]:
        own, items = loop.named_children[:2]
        names = [text(each) for each in (own.named_children or [own])]
        shape = self.of(file, items, scope)
        return {names[0]: shape.element if shape is not None else None} | dict.fromkeys(names[1:])

    def _object(self, file: BicepFile, node: Node, scope: Scope) -> Shape:
        return Shape({name: self.of(file, value, scope) for name, value in properties(node).items()})

    def _array(self, file: BicepFile, node: Node, scope: Scope) -> Shape:
        return Shape(element=_common([self.of(file, each, scope) for each in node.named_children]), is_list=True)

    def _for(self, file: BicepFile, node: Node, scope: Scope) -> Shape:
        inner = {**scope, **self._loop(file, node, scope)}
        return Shape(element=self.of(file, node.named_children[-1], inner), is_list=True)

    def _inner(self, file: BicepFile, node: Node, scope: Scope) -> Shape | None:
        return self.of(file, node.named_children[-1], scope)

    def _ternary(self, file: BicepFile, node: Node, scope: Scope) -> Shape | None:
        return _common([self.of(file, each, scope) for each in node.named_children[1:]])

    def _binary(self, file: BicepFile, node: Node, scope: Scope) -> Shape | None:
        if "??" not in [each.type for each in node.children]:
            return None
        return _common([self.of(file, each, scope) for each in node.named_children])

    def _subscript(self, file: BicepFile, node: Node, scope: Scope) -> Shape | None:
        whole = self.of(file, node.named_children[0], scope)
        if whole is None:
            return None
        return whole.element if whole.is_list else _common(list(whole.keys.values()))

    def _call(self, file: BicepFile, node: Node, scope: Scope) -> Shape | None:
        name, arguments = node.named_children
        shapes = [self.of(file, each, scope) for each in arguments.named_children]
        if text(name) == "union":
            # Edits may add to the defaults, and the defaults are what can be relied on.
            return Shape({key: value for each in shapes if each is not None for key, value in each.keys.items()})
        if text(name) == "concat":
            return Shape(element=_common([each.element for each in shapes if each is not None]), is_list=True)
        if text(name) == "items":
            return Shape(element=Shape({"key": None, "value": None}), is_list=True)
        if text(name) == "flatten" and shapes[0] is not None:
            return shapes[0].element
        return None

    def _member(self, file: BicepFile, node: Node, scope: Scope) -> Shape | None:
        whole, member = object_of(node), node.named_children[-1]
        if whole.type == "member_expression" and text(whole.named_children[-1]) == "outputs":
            module = object_of(whole)
            module = module.named_children[0] if module.type == "subscript_expression" else module
            declared = file.symbols.get(text(module))
            target = self.files.get(declared.type) if declared is not None else None
            output = target.outputs.get(text(member)) if target is not None else None
            if target is None or output is None or output.value is None:
                return None
            return self.of(target, output.value, {})
        shape = self.of(file, whole, scope)
        return shape.keys.get(text(member)) if shape is not None else None

    def _symbol(self, file: BicepFile, node: Node, scope: Scope) -> Shape | None:
        name = text(node)
        if name in scope:
            return scope[name]
        declared = file.symbols.get(name)
        if declared is None or declared.kind != "variable" or declared.value is None:
            return None  # what a parameter holds is looked at where it is given
        return self.of(file, declared.value, {})


def _given(module: Declaration) -> dict[str, Node]:
    return properties(module.body["params"]) if "params" in module.body else {}


def _common(shapes: list[Shape | None]) -> Shape | None:
    """Give what all of several shapes have. One that is not known comes from a caller, who is held to it there."""
    known = [each for each in shapes if each is not None]
    if not known:
        return None
    if any(each.is_list for each in known):
        return Shape(element=_common([each.element for each in known]), is_list=True)
    keys = set.intersection(*(set(each.keys) for each in known))
    return Shape({key: _common([each.keys[key] for each in known]) for key in sorted(keys)})


def _path(node: Node) -> Path | None:
    """Give a plain chain of member accesses: its symbol, then its keys; an index is a step into an element."""
    if node.type == "identifier":
        return (text(node),)
    if node.type == "member_expression":
        start = _path(object_of(node))
        return (*start, text(node.named_children[-1])) if start is not None else None
    if node.type == "subscript_expression":
        start = _path(node.named_children[0])
        return (*start, ELEMENT) if start is not None else None
    return None
