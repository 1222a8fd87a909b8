"""Builds what a release publishes: the package of the app, the button's template and form, and checksums.

    python infra/scripts/build_package.py release

The package, app.zip, has the app and everything that it needs on Flex Consumption, as wheels for CPython 3.13 on Linux
with x86-64: where it is deployed, nothing is built and no package registry is asked. The same sources and pins give the
same bytes on any machine, so anybody can build a release anew and compare. It needs pip, and a package index.
"""

# ruff: noqa: INP001, T201  # a program started by its path, which talks to a person on a terminal
import argparse
import hashlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
APP = ("function_app.py", "host.json", "requirements.txt", "flowlog_core")
PACKAGES = ".python_packages/lib/site-packages"
PYTHON = "3.13"
# glibc 2.28 and older: the images of the platform have newer ones.
PLATFORMS = ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64")
# What packages and pip leave that is of no use to the app, and in part differs from machine to machine.
LEFT_OUT_AT_THE_TOP = {"bin", "samples"}
LEFT_OUT = {"__pycache__", "INSTALLER", "REQUESTED", "RECORD", "direct_url.json"}
# The earliest time that a zip can hold.
TIME = (1980, 1, 1, 0, 0, 0)


def install(folder: Path) -> None:
    """Install the pinned packages for the platform that the app runs on, whatever this machine is."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--no-compile", "--only-binary=:all:", "--python-version", PYTHON, "--implementation", "cp"]
    command += [word for platform in PLATFORMS for word in ("--platform", platform)]
    command += ["--target", str(folder), "--requirement", str(ROOT / "requirements.txt")]
    subprocess.run(command, check=True)  # noqa: S603 # fixed arguments


def files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield what is in a folder but what is left out: path within it, and file; in the same order everywhere."""
    for path in sorted(folder.rglob("*"), key=lambda path: path.relative_to(folder).as_posix()):
        parts = path.relative_to(folder).parts
        if path.is_file() and parts[0] not in LEFT_OUT_AT_THE_TOP and not LEFT_OUT.intersection(parts):
            yield "/".join(parts), path


def contents(packages: Path) -> dict[str, bytes]:
    """Return the files of the package by their path, the app's own first."""
    found: dict[str, bytes] = {}
    for name in APP:
        path = ROOT / name
        members = files(path) if path.is_dir() else [("", path)]
        found |= {f"{name}/{member}".rstrip("/"): file.read_bytes() for member, file in members}
    return found | {f"{PACKAGES}/{member}": file.read_bytes() for member, file in files(packages)}


def write_zip(path: Path, members: dict[str, bytes]) -> None:
    """Write a zip whose bytes depend on its members alone: stored, since compressors differ, and without times."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, content in members.items():
            entry = zipfile.ZipInfo(name, TIME)
            entry.create_system = 3  # Unix, on any machine
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content)


def digest(content: bytes) -> str:
    """Return the SHA-256 of content, in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def manifest(members: dict[str, bytes]) -> dict[str, object]:
    """Describe a package: what it is for, the packages in it with their versions, and the digest of each file."""
    (version,) = re.findall(r'__version__ = "([^"]+)"', members["flowlog_core/__init__.py"].decode())
    names = (re.match(rf"{re.escape(PACKAGES)}/([^/]+)-([^/-]+)\.dist-info/METADATA$", name) for name in members)
    return {
        "version": version,
        "python": PYTHON,
        "platform": PLATFORMS[0],
        "packages": {match[1]: match[2] for match in names if match is not None},
        "files": {name: digest(content) for name, content in members.items()},
    }


def build(release: Path, packages: Path) -> None:
    """Write a release from the app of this folder and from packages that are installed already."""
    members = contents(packages)
    write_zip(release / "app.zip", members)
    (release / "manifest.json").write_text(json.dumps(manifest(members), indent=1) + "\n", encoding="utf-8")
    for name in ("azuredeploy.json", "createUiDefinition.json"):
        shutil.copyfile(ROOT / "infra" / name, release / name)
    sums = [f"{digest(path.read_bytes())}  {path.name}" for path in sorted(release.iterdir())]
    (release / "SHA256SUMS").write_text("\n".join(sums) + "\n", encoding="utf-8")


def main() -> int:
    """Build a release into a folder, which is made anew."""
    parser = argparse.ArgumentParser(description="Build what a release publishes.")
    parser.add_argument("release", type=Path, help="folder to build it into; what is there is deleted")
    release = parser.parse_args().release
    if release.exists() and not (release / "SHA256SUMS").exists() and any(release.iterdir()):
        print(f"{release} holds something else than a release: name another folder", file=sys.stderr)
        return 2
    shutil.rmtree(release, ignore_errors=True)
    release.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as packages:
        install(Path(packages))
        build(release, Path(packages))
    print((release / "SHA256SUMS").read_text(encoding="utf-8"), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
