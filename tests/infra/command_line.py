"""A stand-in for the command lines that the programs of infra/ call: it answers from a list, and keeps the calls."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

INFRA = Path(__file__).resolve().parents[2] / "infra"
_PROGRAM = """#!{python}
import json, pathlib, sys
folder = pathlib.Path(__file__).parent
arguments = sys.argv[1:]
kept = [pathlib.Path(each[1:]).read_text() for each in arguments if each.startswith("@")]
with (folder / "calls").open("a") as calls:
    print(json.dumps([pathlib.Path(__file__).name, *arguments, *kept]), file=calls)
answers = json.loads((folder / "answers").read_text())
for index, (words, status, answer) in enumerate(answers):
    if all(word in arguments for word in words):
        if len([each for each in answers if each[0] == words]) > 1:
            del answers[index]
            (folder / "answers").write_text(json.dumps(answers))
        print(answer, file=sys.stderr if status else sys.stdout)
        sys.exit(status)
sys.exit("no answer to " + " ".join(arguments))
"""


@dataclass(frozen=True, slots=True)
class Ran:
    """How a program ended, what it said, and what it asked of the command lines."""

    status: int
    output: str
    errors: str
    calls: list[list[str]]


def run(
    folder: Path, program: str, *arguments: str, answers: list[tuple[list[str], int, Any]], **environment: str
) -> Ran:
    """Run a program of infra/.

    Args:
        folder: An empty folder.
        program: Name of the program.
        arguments: Its arguments.
        answers: Words that a call must hold, exit status, and what is printed; of several with the same words each
            answers once, but the last.
        environment: More of the environment.

    """
    for name in ("az", "azd"):
        (folder / name).write_text(_PROGRAM.format(python=sys.executable), encoding="utf-8")
        (folder / name).chmod(0o755)
    texts = [
        (words, status, answer if isinstance(answer, str) else json.dumps(answer)) for words, status, answer in answers
    ]
    (folder / "answers").write_text(json.dumps(texts), encoding="utf-8")
    done = subprocess.run(  # noqa: S603 # a program of this checkout
        [sys.executable, str(INFRA / "scripts" / program), *arguments],
        capture_output=True,
        check=False,
        encoding="utf-8",
        env={"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}", **environment},
    )
    calls = (folder / "calls").read_text(encoding="utf-8").splitlines() if (folder / "calls").exists() else []
    return Ran(done.returncode, done.stdout, done.stderr, [json.loads(call) for call in calls])
