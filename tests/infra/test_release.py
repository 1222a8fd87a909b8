"""A release: the package has the app and what it needs, and the same sources give the same bytes."""

import hashlib
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from flowlog_core import __version__
from infra.scripts.build_package import PACKAGES, ROOT, build, install

APP = {"function_app.py", "host.json", "requirements.txt", "flowlog_core"}
INDEX = """
import sys
sys.path[:0] = sys.argv[1:]
import cryptography, function_app
assert cryptography.__file__.startswith(sys.argv[2]), cryptography.__file__
print(*(each.get_function_name() for each in function_app.app.get_functions()))
"""


def installed(folder: Path, *, moved: bool = False) -> Path:
    """Put down what pip would install: one package, and what pip leaves beside it."""
    contents = {
        "thing/__init__.py": "name = 'thing'\n",
        "thing/bin/kept.txt": "a package's own\n",
        "thing-1.2.dist-info/METADATA": "Name: thing\n",
        "thing-1.2.dist-info/RECORD": str(folder),
        "thing-1.2.dist-info/INSTALLER": "pip\n",
        "thing/__pycache__/thing.pyc": str(folder),
        "bin/thing": f"#!{sys.executable}\n",
    }
    for name, content in sorted(contents.items(), reverse=moved):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
        if moved:
            path.chmod(0o600)
            os.utime(path, (1, 1))
    return folder


def released(folder: Path, packages: Path) -> dict[str, bytes]:
    """Build a release, and return its files."""
    folder.mkdir()
    build(folder, packages)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_same_sources_give_the_same_bytes_wherever_and_whenever_they_lie(tmp_path: Path) -> None:
    first = released(tmp_path / "first", installed(tmp_path / "here"))
    second = released(tmp_path / "second", installed(tmp_path / "there", moved=True))

    assert first == second


def test_the_package_has_the_app_and_its_packages_and_nothing_of_this_machine(tmp_path: Path) -> None:
    released(tmp_path / "release", installed(tmp_path / "packages"))
    with zipfile.ZipFile(tmp_path / "release" / "app.zip") as archive:
        names = set(archive.namelist())
        assert archive.read("function_app.py") == (ROOT / "function_app.py").read_bytes()

    assert {name.partition("/")[0] for name in names} == {*APP, PACKAGES.partition("/")[0]}
    assert {name.removeprefix(f"{PACKAGES}/") for name in names if name.startswith(PACKAGES)} == {
        "thing/__init__.py",
        "thing/bin/kept.txt",
        "thing-1.2.dist-info/METADATA",
    }
    assert not [name for name in names if "__pycache__" in name]


def test_manifest_and_checksums_are_those_of_the_files(tmp_path: Path) -> None:
    release = released(tmp_path / "release", installed(tmp_path / "packages"))

    manifest = json.loads(release["manifest.json"])
    assert (manifest["version"], manifest["packages"]) == (__version__, {"thing": "1.2"})
    with zipfile.ZipFile(tmp_path / "release" / "app.zip") as archive:
        digests = {name: hashlib.sha256(archive.read(name)).hexdigest() for name in archive.namelist()}
    assert manifest["files"] == digests
    lines = [line.split("  ") for line in release.pop("SHA256SUMS").decode().splitlines()]
    assert {name: digest for digest, name in lines} == {
        name: hashlib.sha256(content).hexdigest() for name, content in release.items()
    }
    assert set(release) == {"app.zip", "azuredeploy.json", "createUiDefinition.json", "manifest.json"}


@pytest.mark.outside
@pytest.mark.skipif(sys.platform != "linux", reason="the wheels are for Linux")
def test_the_app_starts_from_the_package_alone(tmp_path: Path) -> None:
    install(tmp_path / "packages")
    released(tmp_path / "release", tmp_path / "packages")
    app = tmp_path / "app"
    with zipfile.ZipFile(tmp_path / "release" / "app.zip") as archive:
        archive.extractall(app)
    settings = {
        "FLOWLOG_TRIGGER_SOURCE": "StorageQueue",
        "FlowLogStorage__blobServiceUri": "https://logs.blob.core.windows.net/",
        "FlowLogEventHub__fullyQualifiedNamespace": "hubs.servicebus.windows.net",
        "AzureWebJobsStorage__blobServiceUri": "https://host.blob.core.windows.net/",
        "AzureWebJobsStorage__queueServiceUri": "https://host.queue.core.windows.net/",
    }
    # Isolated, and without the packages that are installed here.
    command = [sys.executable, "-I", "-S", "-c", INDEX, str(app), str(app / PACKAGES)]
    ran = subprocess.run(command, env=settings, cwd=app, capture_output=True, encoding="utf-8", check=False)  # noqa: S603 # the package

    assert ran.stdout.split() == ["forward_queued", "sweep"], ran.stderr
