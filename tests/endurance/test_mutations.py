"""Whatever is wrong with a tuple, only that costs it; wherever a document is cut, the same comes out."""

from tests.endurance.mutations import check_documents, check_tuples


def test_tuples_with_random_faults_are_taken_and_refused_as_column_by_column() -> None:
    seen = check_tuples(10_000)
    assert min(seen["sound"], seen["refused"]) > 3_000


def test_documents_with_random_faults_give_the_same_wherever_they_are_cut() -> None:
    seen = check_documents(500)
    assert min(seen["records"], seen["malformed ranges"]) > 150
