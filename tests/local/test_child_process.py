"""A child is read line by line, can be ended in every state, and ends with its owner."""

import subprocess
import sys
from pathlib import Path

import pytest

from local.child_process import ChildProcess

PROJECT = Path(__file__).parents[2]


def python(code: str) -> ChildProcess:
    return ChildProcess([sys.executable, "-c", code])


def test_lines_can_be_waited_for_and_read_again() -> None:
    child = python("print('first', flush=True); print(input(), flush=True)")
    try:
        assert child.line(0, timeout=10) == "first"
        child.send_line("second")
        assert child.line(1, timeout=10) == "second"
        assert child.line(2, timeout=10) is None
        assert child.lines() == ("first", "second")
        assert child.wait(timeout=10) == 0
    finally:
        child.kill()
    assert child.line(0) == "first"


def test_a_line_that_does_not_come_is_a_timeout() -> None:
    child = python("input()")
    try:
        with pytest.raises(TimeoutError, match="no output line 0"):
            child.line(0, timeout=0.01)
        with pytest.raises(TimeoutError, match="still runs"):
            child.wait(timeout=0.01)
    finally:
        child.kill()


def test_a_child_that_ignores_the_request_to_end_is_killed() -> None:
    child = python("import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); input()")
    assert child.line(0, timeout=10) == "deaf"

    assert child.terminate(timeout=0.05) == -9
    assert child.kill() == -9
    with pytest.raises(BrokenPipeError):
        child.send_line("too late")


def test_a_child_that_reads_its_input_ends_with_its_owner() -> None:
    # The grandchild says on standard error, which it shares with its owner, that it lives and that it ends.
    grandchild = "import sys; print('lives', file=sys.stderr); print(flush=True); sys.stdin.read(); sys.exit('ends')"
    owner = (
        "import os, signal, sys; from local.child_process import ChildProcess;"
        f"ChildProcess([sys.executable, '-c', {grandchild!r}]).line(0, 10); os.kill(os.getpid(), signal.SIGKILL)"
    )

    ended = subprocess.run(  # noqa: S603  a fixed command
        [sys.executable, "-c", owner], cwd=PROJECT, stderr=subprocess.PIPE, text=True, check=False, timeout=20
    )

    assert ended.returncode == -9
    assert ended.stderr.split() == ["lives", "ends"]
