"""The compiler, and what deployments would make: worked out once for all tests."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.infra.compiler import Built, Compiler
from tests.infra.predictions import WAYS, Prediction, predict
from tests.support.tools import require_tool

INFRA = Path(__file__).resolve().parents[2] / "infra"


@pytest.fixture(scope="session")
def compiler() -> Iterator[Compiler]:
    with Compiler(require_tool("bicep")) as compiler:
        yield compiler


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the templates, which files of parameters can be put beside."""
    folder = tmp_path_factory.mktemp("templates") / "infra"
    shutil.copytree(INFRA, folder, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


@pytest.fixture(scope="session")
def built(compiler: Compiler) -> Callable[[str], Built]:
    """Return what the compiler makes of a file of infra/."""
    known: dict[str, Built] = {}

    def build(name: str) -> Built:
        if name not in known:
            known[name] = compiler.build(INFRA / name)
        return known[name]

    return build


Predict = Callable[[str], Prediction]


@pytest.fixture(scope="session")
def predicted(compiler: Compiler, templates: Path) -> Predict:
    """Return what one of the WAYS of deploying would make."""
    known: dict[str, Prediction] = {}

    def prediction(way: str) -> Prediction:
        if way not in known:
            known[way] = predict(compiler, templates, WAYS[way])
        return known[way]

    return prediction


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the templates, to be broken."""
    folder = tmp_path / "infra"
    shutil.copytree(INFRA, folder, ignore=shutil.ignore_patterns("__pycache__"))
    return folder
