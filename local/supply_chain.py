"""What the app is made of, as CycloneDX documents, and whether a vulnerability of it is known.

    python -m local.supply_chain sbom [FOLDER]
    python -m local.supply_chain vulnerabilities

Both work from the pins: requirements.txt, which is deployed, and local/package-lock.json, for local runs and tests.
The tools that they call are those of the environment that they are started in (local/requirements-supply-chain.txt).
"""

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

_ROOT: Final = Path(__file__).resolve().parent.parent
_SBOM: Final = _ROOT / ".local" / "sbom"
_NONE_KNOWN, _SOME_KNOWN, _NOT_DONE = 0, 1, 2


def write_sbom(folder: Path) -> int:
    """Write ``python.cdx.json`` and ``npm.cdx.json`` into a folder, and say what was written."""
    folder.mkdir(parents=True, exist_ok=True)
    python, npm = folder / "python.cdx.json", folder / "npm.cdx.json"
    requirements = ("requirements", "requirements.txt", "--pyproject", "pyproject.toml", "--mc-type", "application")
    _run(_tool("cyclonedx-py"), *requirements, "--output-reproducible", "-o", str(python), cwd=_ROOT)
    npm_sbom = ("sbom", "--package-lock-only", "--sbom-format", "cyclonedx", "--sbom-type", "application")
    npm.write_text(_run(_tool("npm"), *npm_sbom, cwd=_ROOT / "local").stdout, encoding="utf-8")
    for file in (python, npm):
        components = json.loads(file.read_text(encoding="utf-8"))["components"]
        print(f"{file}: {len(components)} components")
    return 0


def report_vulnerabilities() -> int:
    """Look the pins up, print what is known, and return the exit status of `judge`."""
    pinned = ("--requirement", "requirements.txt", "--require-hashes", "--disable-pip")
    shown = ("--progress-spinner", "off", "--format", "json")
    found = _run(_tool("pip-audit"), *pinned, *shown, cwd=_ROOT, check=False)
    status, lines = judge(found.stdout)
    print("\n".join(lines), file=sys.stdout if status == _NONE_KNOWN else sys.stderr)
    return status


def judge(document: str) -> tuple[int, list[str]]:
    """Read what pip-audit wrote as JSON: return an exit status, and what to say.

    pip-audit itself exits with 0 where it could look nothing up. The status is 0 where nothing is known of any package,
    1 where something is, 2 where some could not be looked up.
    """
    try:
        packages = json.loads(document)["dependencies"]
    except (ValueError, TypeError, KeyError):
        return _NOT_DONE, ["vulnerabilities: pip-audit could not ask its database; is it reached from here?"]
    missing = [each["name"] for each in packages if "skip_reason" in each]
    lines = [
        f"{each['name']} {each['version']}: {known['id']}; mended in {', '.join(known['fix_versions']) or 'no release'}"
        for each in packages
        for known in each.get("vulns", ())
    ]
    if missing or not packages:
        lines.append(
            f"vulnerabilities: {len(missing)} of {len(packages)} packages could not be looked up; is the database of "
            "pip-audit reached from here? It is public, and not a part of every mirror"
        )
        return _NOT_DONE, lines
    if lines:
        return _SOME_KNOWN, lines
    return _NONE_KNOWN, [f"no vulnerability of {len(packages)} packages is known"]


def _tool(name: str) -> str:
    """Find a program beside this interpreter, or on the PATH."""
    found = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
    if found is None:
        sys.exit(f"{name} was not found: run this by make, which installs it")
    return found


def _run(program: str, *arguments: str, cwd: Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([program, *arguments], cwd=cwd, capture_output=True, encoding="utf-8", check=False)
    if check and done.returncode:
        sys.exit(f"{Path(program).name} failed:\n{done.stderr}")
    return done


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one of the two; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m local.supply_chain", description=__doc__.split("\n")[0])
    parser.add_argument("action", choices=["sbom", "vulnerabilities"])
    parser.add_argument("folder", nargs="?", type=Path, default=_SBOM, help="where the documents go")
    options = parser.parse_args(arguments)
    return write_sbom(options.folder.resolve()) if options.action == "sbom" else report_vulnerabilities()


if __name__ == "__main__":
    sys.exit(main())
