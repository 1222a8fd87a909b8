"""A typing error in the name of a setting is told, with the nearest setting, and never passed over in silence."""

import pytest

from flowlog_core.errors import SettingsError
from flowlog_core.settings import Settings, storage_connections
from tests.unit.test_settings import LEAST, STATE, STORAGE


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("FLOWLOG_EVENT_FORMATS", "FLOWLOG_EVENT_FORMAT"),
        ("FLOWLOG_SWEEP_HOUR", "FLOWLOG_SWEEP_HOURS"),
        ("FLOWLOG_EVENTHUBNAME", "FLOWLOG_EVENTHUB_NAME"),
        ("FLOWLOG_", "FLOWLOG_STATE"),
    ],
)
def test_a_name_that_is_no_settings_is_a_fault_where_that_is_to_be_strict_and_else_a_remark(
    name: str, nearest: str
) -> None:
    expected = f"{name} is not known; the nearest setting is {nearest}"
    environment = {**LEAST, name: "x"}

    assert Settings.read(environment).unknown == (expected,)
    with pytest.raises(SettingsError) as strict:
        Settings.read(environment, strict=True)
    with pytest.raises(SettingsError) as of_sources:
        storage_connections(environment)
    assert strict.value.faults == of_sources.value.faults == (expected,)


def test_unknown_names_are_told_together_with_the_other_faults() -> None:
    environment = {**LEAST, "FLOWLOG_B": "", "FLOWLOG_A": "1", "FLOWLOG_SWEEP_HOURS": "no"}

    with pytest.raises(SettingsError) as caught:
        Settings.read(environment, strict=True)

    assert [fault.split()[0] for fault in caught.value.faults] == ["FLOWLOG_SWEEP_HOURS", "FLOWLOG_A", "FLOWLOG_B"]


def test_a_connection_may_have_a_name_that_begins_as_a_settings() -> None:
    environment = {
        **LEAST,
        "FLOWLOG_SOURCES": "FLOWLOG_LOGS,FLOWLOG_MORE",
        "FLOWLOG_LOGS": STORAGE,
        "FLOWLOG_MORE__blobServiceUri": "https://more.blob.core.windows.net",
        "FLOWLOG_MORE__credential": "managedidentity",
        "FLOWLOG_STATE": "FLOWLOG_KEPT",
        "FLOWLOG_KEPT": STATE,
    }

    assert Settings.read(environment, strict=True).unknown == ()
    assert len(storage_connections(environment)) == 2
    assert Settings.read({**environment, "FLOWLOG_OTHER__credential": "managedidentity"}).unknown != ()


def test_what_other_programs_set_is_not_looked_at() -> None:
    assert Settings.read({**LEAST, "FLOWLOGS_X": "1", "FlowLogOther": "1", "flowlog_x": "1"}, strict=True).unknown == ()
