"""A program that this one starts, reads line by line and is sure to end."""

import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path


class ChildProcess:
    """A running program, its standard output kept as numbered lines.

    It is in a process group of its own, so that Ctrl-C reaches its owner alone, which ends it in good order. Its
    standard input is a pipe that closes when the owner dies, however that happens: a child that ends with its standard
    input never outlives its owner. All lines stay in memory until the child is closed.

    Attributes:
        pid: The child's process id.

    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
        errors_to_output: bool = False,
    ) -> None:
        """Start `command`; with `errors_to_output`, what it writes on standard error counts as output, too.

        Raises:
            OSError: The program can't be started.

        """
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if errors_to_output else None,
            env=environment,
            cwd=folder,
            encoding="utf-8",
            errors="replace",
            process_group=0,
        )
        self.pid = self._process.pid
        self._lines: list[str] = []
        self._ended = False
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, name=f"output of {self.pid}", daemon=True)
        self._reader.start()

    def line(self, number: int, timeout: float | None = None) -> str | None:
        """Return the output line of this number, from 0, and wait for it; None where the output ended before it.

        Raises:
            TimeoutError: The line has not come within `timeout` seconds.

        """
        with self._changed:
            if not self._changed.wait_for(lambda: number < len(self._lines) or self._ended, timeout):
                raise TimeoutError(f"no output line {number} of process {self.pid} within {timeout:.1f} seconds")
            return self._lines[number] if number < len(self._lines) else None

    def lines(self) -> tuple[str, ...]:
        """Return all the lines that have come so far."""
        with self._changed:
            return tuple(self._lines)

    def send_line(self, line: str) -> None:
        """Write one line on the child's standard input.

        Raises:
            BrokenPipeError: The child has ended.

        """
        stdin = self._process.stdin
        if stdin is None or stdin.closed:
            raise BrokenPipeError(f"process {self.pid} has ended")
        stdin.write(line + "\n")
        stdin.flush()

    @property
    def returncode(self) -> int | None:
        """The exit code, negative for a signal; None while the child runs."""
        return self._process.poll()

    def wait(self, timeout: float) -> int:
        """Wait until the child has ended by itself; return its exit code.

        Raises:
            TimeoutError: It still runs after `timeout` seconds.

        """
        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"process {self.pid} still runs after {timeout:.1f} seconds") from None

    def terminate(self, timeout: float) -> int:
        """Ask the child to end (SIGTERM), kill it where it has not after `timeout` seconds; return its exit code."""
        self._process.terminate()
        try:
            return self.wait(timeout)
        except TimeoutError:
            return self.kill()
        finally:
            self._close()

    def kill(self) -> int:
        """End the child at once (SIGKILL); return its exit code. Nothing happens where it has ended already."""
        self._process.kill()
        try:
            return self._process.wait()
        finally:
            self._close()

    def _read(self) -> None:
        stdout = self._process.stdout
        if stdout is not None:
            for line in stdout:
                with self._changed:
                    self._lines.append(line.rstrip("\n"))
                    self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _close(self) -> None:
        # A grandchild that inherited the pipe could keep it open: the lines up to here are what there is.
        self._reader.join(timeout=1)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None and not pipe.closed and not (pipe is self._process.stdout and self._reader.is_alive()):
                pipe.close()


def seconds_until(deadline: float) -> float:
    """Return the seconds from now to a moment of `time.monotonic`, at least 0."""
    return max(0.0, deadline - time.monotonic())
