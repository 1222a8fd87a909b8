"""What is known of the pinned packages: nothing, something, or that it could not be asked."""

import json

import pytest

from local.supply_chain import judge

SOUND = {"name": "orjson", "version": "3.13.0", "vulns": []}
KNOWN = {"name": "urllib3", "version": "2.0.1", "vulns": [{"id": "PYSEC-2023-192", "fix_versions": ["2.0.6"]}]}
OPEN = {"name": "idna", "version": "3.20", "vulns": [{"id": "GHSA-1", "fix_versions": []}]}
SKIPPED = {"name": "azure-core", "skip_reason": "Dependency not found on PyPI and could not be audited"}


@pytest.mark.parametrize(
    ("packages", "status", "said"),
    [
        ([SOUND, SOUND], 0, ["no vulnerability of 2 packages is known"]),
        (
            [SOUND, KNOWN, OPEN],
            1,
            ["urllib3 2.0.1: PYSEC-2023-192; mended in 2.0.6", "idna 3.20: GHSA-1; mended in no release"],
        ),
        ([SOUND, SKIPPED], 2, ["1 of 2 packages could not be looked up"]),
        ([KNOWN, SKIPPED], 2, ["urllib3 2.0.1: PYSEC-2023-192", "1 of 2 packages could not be looked up"]),
        ([], 2, ["0 of 0 packages could not be looked up"]),
    ],
)
def test_what_could_not_be_looked_up_is_never_taken_for_sound(
    packages: list[object], status: int, said: list[str]
) -> None:
    result, lines = judge(json.dumps({"dependencies": packages, "fixes": []}))

    assert result == status
    assert len(lines) == len(said)
    assert all(words in line for words, line in zip(said, lines, strict=True))


@pytest.mark.parametrize("document", ["", "[]", "{}", "null", "Traceback"])
def test_where_the_tool_wrote_no_document_nothing_was_done(document: str) -> None:
    status, (line,) = judge(document)

    assert (status, "could not ask its database" in line) == (2, True)
