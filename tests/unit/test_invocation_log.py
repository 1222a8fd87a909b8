"""What the threads of an invocation log, its own thread writes: all of it, in order, as it comes."""

import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowlog_core.invocation_log import InvocationPool, write_lines_of

SECONDS = 10.0  # more than enough; what takes so long has hung


class Written(logging.Handler):
    """Keeps what was written, and in which thread."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[tuple[threading.Thread, str]] = []
        self.then: Callable[[], None] = lambda: None

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append((threading.current_thread(), record.getMessage()))
        self.then()

    @property
    def messages(self) -> list[str]:
        return [message for _, message in self.lines]

    @property
    def threads(self) -> set[threading.Thread]:
        return {thread for thread, _ in self.lines}


@pytest.fixture
def written() -> Iterator[Written]:
    root, handler = logging.getLogger(), Written()
    root.addHandler(handler)
    yield handler
    root.removeHandler(handler)


@pytest.fixture
def pool() -> Iterator[InvocationPool]:
    with InvocationPool(4) as pool:
        yield pool


def say(message: str, *, logger: str = "flowlog") -> None:
    logging.getLogger(logger).warning("%s", message)


def test_the_calling_thread_writes_what_the_work_and_its_pools_log(written: Written, pool: InvocationPool) -> None:
    def work() -> str:
        say("the work")
        pool.submit(say, "a pool").result()
        pool.submit(lambda: pool.submit(say, "a pool's pool", logger="azure.core").result()).result()
        return "done"

    assert write_lines_of(work) == "done"
    assert written.messages == ["the work", "a pool", "a pool's pool"]
    assert written.threads == {threading.current_thread()}


def test_a_line_is_written_while_the_work_goes_on(written: Written, pool: InvocationPool) -> None:
    was_written = threading.Event()
    written.then = was_written.set

    def work() -> bool:
        say("at once")
        return was_written.wait(SECONDS)

    assert write_lines_of(lambda: pool.submit(work).result())


def test_work_that_raises_has_all_its_lines_written(written: Written, pool: InvocationPool) -> None:
    def work() -> None:
        wait([pool.submit(say, "of a thread")])
        say("the last")
        raise ValueError("the work's own")

    with pytest.raises(ValueError, match="the work's own"):
        write_lines_of(work)

    assert written.messages == ["of a thread", "the last"]
    assert written.threads == {threading.current_thread()}


@given(st.lists(st.integers(1, 20), min_size=1, max_size=4))
def test_each_threads_lines_keep_their_order(counts: list[int]) -> None:
    written = Written()
    logging.getLogger().addHandler(written)

    def count(thread: int) -> None:
        for number in range(counts[thread]):
            say(f"{thread} {number}")

    with InvocationPool(len(counts)) as pool:
        write_lines_of(lambda: wait([pool.submit(count, thread) for thread in range(len(counts))]))
    logging.getLogger().removeHandler(written)

    for thread, most in enumerate(counts):
        own = [message for message in written.messages if message.startswith(f"{thread} ")]
        assert own == [f"{thread} {number}" for number in range(most)]
    assert len(written.messages) == sum(counts)


def test_invocations_at_the_same_time_write_their_own_lines_alone(written: Written, pool: InvocationPool) -> None:
    both = threading.Barrier(2)

    def work(name: str) -> None:
        both.wait(SECONDS)
        pool.submit(say, name).result()
        both.wait(SECONDS)

    def invoke(name: str) -> threading.Thread:
        write_lines_of(lambda: work(name))
        return threading.current_thread()

    with ThreadPoolExecutor(2) as functions:
        futures = {name: functions.submit(invoke, name) for name in ("one", "another")}
        threads = {name: future.result() for name, future in futures.items()}

    assert {message: thread for thread, message in written.lines} == threads


def test_threads_that_work_for_no_invocation_write_their_own_lines(written: Written, pool: InvocationPool) -> None:
    write_lines_of(lambda: None)

    def log_and_name() -> threading.Thread:
        say("alone")
        return threading.current_thread()

    assert {pool.submit(log_and_name).result()} == written.threads


def test_a_line_that_cannot_be_written_is_reported_and_ends_nothing(
    written: Written, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse() -> None:
        written.then = lambda: None
        raise OSError("nobody reads any more")

    def work() -> str:
        say("refused")
        say("the next")
        return "done"

    written.then = refuse

    assert write_lines_of(work) == "done"
    assert written.messages == ["refused", "the next"]
    assert "nobody reads any more" in capsys.readouterr().err


def test_a_level_below_the_handlers_is_left_out(written: Written) -> None:
    written.setLevel(logging.ERROR)

    write_lines_of(lambda: say("a warning"))

    assert written.lines == []
