"""The Python worker that this process is, where it is one: its thread pool, and its end."""

import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Final

_WORKER: Final = "azure_functions_runtime"  # imported by the worker's process; no package of the app's

_AT_ONCE_SECONDS: Final = 3.0  # after the signal; a range of which a part has arrived may be completed until then
_END_SECONDS: Final = 10.0  # as long as the host itself waits for running functions, where it is the one to be ended


def restart_thread_pool() -> None:
    """Let the worker run as many functions at once as ``PYTHON_THREADPOOL_THREAD_COUNT`` says.

    A warm worker, specialised from a placeholder, has started its pool before it got the app's settings, and would keep
    it: with 5 threads on one core. Call this while the app is imported, when no function runs yet. In another process
    than a worker's, or where the worker has no such call, nothing happens.
    """
    start = getattr(sys.modules.get(_WORKER), "start_threadpool_executor", None)
    if start is not None:
        start()


def stop_at_sigterm(stop: Callable[[], None]) -> None:
    """Call `stop` when the process gets SIGTERM, and once more three seconds later; end it after ten.

    An instance that is drained or deleted may end its worker with SIGTERM, without a documented grace
    (azure-functions-host#10479). A second SIGTERM ends the process at once. Call this in the main thread, in which the
    worker imports the app; in another one, or where the process ignores SIGTERM or other code than Python's handles it,
    nothing happens.
    """
    before = signal.getsignal(signal.SIGTERM)
    if threading.current_thread() is not threading.main_thread() or before in {signal.SIG_IGN, None}:
        return

    def on_signal(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, before)
        stop()
        _after(_AT_ONCE_SECONDS, stop)
        if callable(before):  # whoever set it ends the process
            before(number, frame)
        else:
            _after(_END_SECONDS, lambda: os.kill(os.getpid(), signal.SIGTERM))

    signal.signal(signal.SIGTERM, on_signal)


def _after(seconds: float, call: Callable[[], None]) -> None:
    """Make a call in another thread, unless the process ends before."""
    timer = threading.Timer(seconds, call)
    timer.daemon = True
    timer.start()
