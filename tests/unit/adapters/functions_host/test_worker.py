"""The app's process at SIGTERM: what is called, and how it ends. Each program is a process of its own."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[4]
BEGIN = """
import os, signal, threading
from flowlog_core.adapters.functions_host.worker import restart_thread_pool, stop_at_sigterm
stop = lambda: print("stop", flush=True)
"""


def run(program: str) -> tuple[int, str]:
    """Run a program; return its exit code, negative for a signal, and what it printed."""
    command = [sys.executable, "-c", BEGIN + program]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)  # noqa: S603 # its own text
    assert done.stderr == ""
    return done.returncode, done.stdout


def test_sigterm_calls_stop_and_a_second_one_ends_the_process() -> None:
    ended = run("stop_at_sigterm(stop); os.kill(os.getpid(), signal.SIGTERM); os.kill(os.getpid(), signal.SIGTERM)")

    assert ended == (-signal.SIGTERM, "stop\n")


@pytest.mark.slow
def test_a_process_that_goes_on_is_asked_once_more_and_then_ended() -> None:
    ended = run("stop_at_sigterm(stop); os.kill(os.getpid(), signal.SIGTERM); threading.Event().wait()")

    assert ended == (-signal.SIGTERM, "stop\nstop\n")


def test_whoever_handled_sigterm_before_is_called_too_and_ends_the_process_by_itself() -> None:
    ended = run("""
signal.signal(signal.SIGTERM, lambda number, frame: print("before", flush=True))
stop_at_sigterm(stop)
os.kill(os.getpid(), signal.SIGTERM)
""")

    assert ended == (0, "stop\nbefore\n")


def test_a_process_that_ignores_sigterm_goes_on_to_ignore_it() -> None:
    ended = run("""
signal.signal(signal.SIGTERM, signal.SIG_IGN)
stop_at_sigterm(stop)
os.kill(os.getpid(), signal.SIGTERM)
""")

    assert ended == (0, "")


def test_outside_the_main_thread_nothing_is_changed() -> None:
    ended = run("""
thread = threading.Thread(target=stop_at_sigterm, args=(stop,))
thread.start()
thread.join()
print(signal.getsignal(signal.SIGTERM) is signal.SIG_DFL)
""")

    assert ended == (0, "True\n")


def test_in_a_process_that_is_no_worker_no_pool_is_started() -> None:
    ended = run("""
import sys
restart_thread_pool()
print("azure_functions_runtime" in sys.modules, threading.active_count())
""")

    assert ended == (0, "False 1\n")
