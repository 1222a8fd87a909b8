"""All errors of the package are in one module, whose documentation has the tree of them."""

import importlib
import pkgutil
import re

import flowlog_core
from flowlog_core import errors
from flowlog_core.errors import FlowLogError


def exceptions_defined() -> dict[str, type[BaseException]]:
    """Give every exception that a module of the package defines, by its full name."""
    names = [info.name for info in pkgutil.walk_packages(flowlog_core.__path__, "flowlog_core.")]
    modules = [importlib.import_module(name) for name in names if not name.endswith(".__main__")]
    return {
        f"{module.__name__}.{name}": value
        for module in modules
        for name, value in vars(module).items()
        if isinstance(value, type) and issubclass(value, BaseException) and value.__module__ == module.__name__
    }


def test_no_other_module_defines_an_exception() -> None:
    assert [name for name in exceptions_defined() if not name.startswith(f"{errors.__name__}.")] == []


def test_one_except_clause_catches_every_error_of_the_package() -> None:
    assert [name for name, error in exceptions_defined().items() if not issubclass(error, FlowLogError)] == []


def test_the_documentation_of_the_errors_has_the_tree_of_them() -> None:
    def tree(error: type[FlowLogError]) -> list[str]:
        return [error.__name__, *(name for below in error.__subclasses__() for name in tree(below))]

    documented = re.findall(r"^[ │├└─]+(\w+Error)\b", errors.__doc__ or "", re.MULTILINE)
    assert documented == tree(FlowLogError)
