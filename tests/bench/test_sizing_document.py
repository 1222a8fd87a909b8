"""The document holds what the program writes, and the program writes it from what a bench wrote."""

import json
from pathlib import Path

import pytest

from bench.sizing.__main__ import DOCUMENT, NEEDED, NOT_READ, PRINTED, main, renew, write_blocks
from bench.sizing.markdown import fill
from bench.sizing.measured import Measured


@pytest.fixture
def bench_json(quick_run: tuple[str, Path], tmp_path: Path) -> Path:
    """A quick run's JSON, as if it had swept as many interfaces as a complete one."""
    _, file = quick_run
    content = json.loads(file.read_text())
    for row in content["rows"]:
        if row["section"] == "sweeps":
            row["subject"] = "1,000 interfaces"
    written = tmp_path / "bench.json"
    written.write_text(json.dumps(content))
    return written


def test_the_document_has_exactly_what_the_program_writes(capsys: pytest.CaptureFixture[str]) -> None:
    blocks = write_blocks(Measured.of_record())

    assert fill(DOCUMENT.read_text(), blocks) == DOCUMENT.read_text()
    assert main([]) == PRINTED
    assert capsys.readouterr().out == "\n".join(blocks.values())


def test_a_bench_renews_document_and_figures(
    bench_json: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    figures, document = tmp_path / "measured.json", tmp_path / "performance.md"
    document.write_text(DOCUMENT.read_text())
    measured = Measured.read([bench_json.read_text()], NEEDED)

    measured.write(figures)
    renew(measured, document)

    renewed = Measured.of_record(figures)
    assert renewed == measured
    assert min(value for name, value in renewed.figures.items() if "less its packages" not in name) > 0  # a difference
    assert main(["--measured", str(bench_json)]) == PRINTED
    assert capsys.readouterr().out == "\n".join(write_blocks(renewed).values())
    assert document.read_text() != DOCUMENT.read_text()
    assert fill(document.read_text(), write_blocks(renewed)) == document.read_text()


def test_of_several_runs_the_last_one_counts(bench_json: Path, tmp_path: Path) -> None:
    content = json.loads(bench_json.read_text())
    row = next(row for row in content["rows"] if row["section"] == "backlog" and row["clock"] == "wall")
    row["value"] = 123_456.7
    later = tmp_path / "backlog.json"
    later.write_text(json.dumps(content | {"rows": [row], "date": "2030-01-01T00:00:00+00:00"}))
    name = f"backlog · {row['subject']} · forwarded · wall"
    texts = [file.read_text() for file in (bench_json, later)]

    measured = Measured.read(texts, {name})
    assert measured.figures == {name: 123_500}  # four digits
    assert measured.dates[-1] == "2030-01-01"
    assert len(measured.loads) == 2
    with pytest.raises(ValueError, match="different machines or versions"):
        Measured.read([texts[0], json.dumps(content | {"versions": {"python": "3.14"}})], {name})


@pytest.mark.parametrize("document", ["nothing", "<!-- a -->\n<!-- end of a -->\n" * 2])
def test_a_document_without_a_place_is_refused(document: str) -> None:
    with pytest.raises(ValueError, match="no place for a, or more than one"):
        fill(document, {"a": "text\n"})


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "No such file"),
        ("no JSON", "Expecting value"),
        ("[]", "make bench did not write this"),
        (
            '{"rows": []}',
            "it lacks announced · VNet v4 · a run each, an append · processor; ",
        ),
    ],
)
def test_what_is_no_bench_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str | None, told: str
) -> None:
    file = tmp_path / "bench.json"
    if content is not None:
        file.write_text(content)

    assert main(["--measured", str(file)]) == NOT_READ
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith(f"bench.sizing: {file}: ")
    assert told in output.err
