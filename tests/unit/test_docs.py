"""The reference pages are what their generator writes."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docs.generate import FOLDER, PAGES
from docs.json_text import json_text
from flowlog_core.flow.tree import Json
from flowlog_core.settings.table import SETTINGS


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_as_the_code_has_it(name: str) -> None:
    assert (FOLDER / name).read_text(encoding="utf-8") == PAGES[name](), "run make docs"


def test_the_page_of_settings_has_a_section_for_each() -> None:
    headings = re.findall(r"^## `(\w+)`$", PAGES["settings.md"](), re.MULTILINE)
    assert headings == [setting.name for setting in SETTINGS]


def test_the_page_of_commands_has_every_command_and_what_is_below_it() -> None:
    headings = re.findall(r"^## `flowlog ?(.*)`$", PAGES["cli.md"](), re.MULTILINE)
    assert headings == [
        *("", "status", "tail", "backfill", "audit"),
        *("quarantine", "quarantine list", "quarantine show", "quarantine replay"),
        *("decode", "report"),
    ]


def test_the_page_of_commands_is_the_same_on_any_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    page = PAGES["cli.md"]()
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert PAGES["cli.md"]() == page
    assert "\x1b" not in page


texts = st.text(max_size=60)
values: st.SearchStrategy[Json] = st.recursive(
    st.none() | st.booleans() | st.integers() | texts,
    lambda inner: st.lists(inner, max_size=30) | st.dictionaries(texts, inner, max_size=30),
)


@given(value=values | st.lists(texts, min_size=20))
def test_json_for_people_is_the_same_value(value: Json) -> None:
    assert json.loads(json_text(value)) == value
