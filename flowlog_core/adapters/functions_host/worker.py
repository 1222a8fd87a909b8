"""The Python worker that this process is, where it is one."""

import sys
from typing import Final

_WORKER: Final = "azure_functions_runtime"  # imported by the worker's process; no package of the app's


def restart_thread_pool() -> None:
    """Let the worker run as many functions at once as ``PYTHON_THREADPOOL_THREAD_COUNT`` says.

    A warm worker, specialised from a placeholder, has started its pool before it got the app's settings, and would keep
    it: with 5 threads on one core. Call this while the app is imported, when no function runs yet. In another process
    than a worker's, or where the worker has no such call, nothing happens.
    """
    start = getattr(sys.modules.get(_WORKER), "start_threadpool_executor", None)
    if start is not None:
        start()
