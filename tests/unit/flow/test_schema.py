"""The flow schema, and how a choice of its keys is read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowlog_core.errors import FieldsError
from flowlog_core.flow.schemas.flow_1 import DEFAULT_FIELDS, FLOW, KEYS, select_fields
from tests.support.oracle import DEFAULT_KEYS, FURTHER_KEYS

ALL_KEYS = (*DEFAULT_KEYS, *FURTHER_KEYS)


def test_the_keys_and_their_order_are_the_contracts() -> None:
    assert FLOW.name == "flow/1"
    assert tuple(key.name for key in KEYS) == ALL_KEYS
    assert DEFAULT_FIELDS == DEFAULT_KEYS


@pytest.mark.parametrize("text", ["", "  "])
def test_no_choice_is_the_default(text: str) -> None:
    assert select_fields(text) == DEFAULT_FIELDS


@given(st.lists(st.sampled_from(ALL_KEYS), min_size=1, unique=True), st.sampled_from([",", ", ", " ,\n"]))
def test_a_plain_list_replaces_the_default_in_its_own_order(names: list[str], separator: str) -> None:
    assert select_fields(separator.join(names)) == tuple(names)


@given(
    st.lists(st.sampled_from(FURTHER_KEYS), unique=True),
    st.lists(st.sampled_from(DEFAULT_KEYS), unique=True, max_size=len(DEFAULT_KEYS) - 1),
    st.randoms(use_true_random=False),
)
def test_edits_take_keys_from_the_default_and_put_others_behind_it(
    added: list[str], removed: list[str], shuffle: object
) -> None:
    words = [f"+{name}" for name in added] + [f"-{name}" for name in removed]
    shuffle.shuffle(words)  # type: ignore[attr-defined]  # a random.Random
    added = [word[1:] for word in words if word[0] == "+"]
    expected = [key for key in DEFAULT_KEYS if key not in removed] + added
    assert select_fields(",".join(words)) == tuple(expected)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("srcip", "'srcip' is no key of a flow; the keys are id, time,"),
        ("+nothing", "'nothing' is no key of a flow"),
        ("id,,time", "'' is no key of a flow"),
        (",", "'' is no key of a flow"),
        ("+", "'' is no key of a flow"),
        ("id,id", "'id' stands there more than once"),
        ("+blob,+blob", "'blob' stands there more than once"),
        ("+blob,-blob", "'blob' stands there more than once"),
        ("+blob,time", "takes either edits of the default"),
        ("+time", "'time' is in the default already"),
        ("-blob", "'blob' is not in the default"),
        (",".join(f"-{key}" for key in DEFAULT_KEYS), "leaves no key"),
    ],
)
def test_a_choice_that_can_not_be_met_is_refused_with_what_is_wrong(text: str, fault: str) -> None:
    with pytest.raises(FieldsError) as caught:
        select_fields(text)
    assert fault in str(caught.value)
