"""Microsoft's Bicep compiler, started once and asked over its standard input and output (``bicep jsonrpc``).

A start takes seconds, a question mostly a tenth of one.
"""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

Template = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Built:
    """What the compiler made of a file.

    Attributes:
        template: The template as JSON; empty where there were errors.
        diagnostics: Errors, warnings and what the linter finds, each as ``file:line: code: message``.

    """

    template: Template
    diagnostics: list[str]


class Compiler:
    """The compiler as a process that answers one question after the other."""

    def __init__(self, program: str) -> None:
        self._process = subprocess.Popen(  # noqa: S603 # the compiler that is on the PATH
            [program, "jsonrpc", "--stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self._questions = 0
        self.version: str = self._ask("version")["version"]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def build(self, path: Path) -> Built:
        """Compile a .bicep file, with all modules that it names."""
        answer = self._ask("compile", path=str(path))
        return Built(json.loads(answer.get("contents") or "{}"), _diagnostics(answer))

    def build_parameters(self, path: Path) -> Built:
        """Compile a .bicepparam file; the template is the file of parameters."""
        answer = self._ask("compileParams", path=str(path), parameterOverrides={})
        return Built(json.loads(answer.get("parameters") or "{}"), _diagnostics(answer))

    def formatted(self, path: Path) -> str:
        """Return a file's text as the compiler's formatter writes it."""
        text: str = self._ask("format", path=str(path))["contents"]
        return text

    def snapshot(self, path: Path, **place: str) -> dict[str, Any]:
        """Return what a deployment with a .bicepparam file would make.

        Args:
            path: The file.
            place: subscriptionId, resourceGroup, location and deploymentName.

        """
        snapshot: dict[str, Any] = json.loads(self._ask("getSnapshot", path=str(path), metadata=place)["snapshot"])
        return snapshot

    def _ask(self, method: str, **parameters: object) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._questions += 1
        question = {"jsonrpc": "2.0", "id": self._questions, "method": f"bicep/{method}", "params": parameters}
        content = json.dumps(question).encode()
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(content) + content)
        self._process.stdin.flush()
        length = 0
        while header := self._process.stdout.readline().strip():
            name, _, value = header.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        answer = json.loads(self._process.stdout.read(length))
        assert "error" not in answer, answer["error"]
        result: dict[str, Any] = answer["result"]
        return result


def _diagnostics(answer: dict[str, Any]) -> list[str]:
    return [
        f"{Path(each['source']).name}:{each['range']['start']['line'] + 1}: {each['code']}: {each['message']}"
        for each in answer["diagnostics"]
    ]
