"""A process that can stand still and be killed; `start`, `wait` and `running` are its subclass's."""

import signal
from contextlib import contextmanager


class Killable:
    """What a test does to a process of its own."""

    @contextmanager
    def started(self):
        """Start it, wait for it, and kill it in the end."""
        self.start()
        try:
            self.wait()
            yield self
        finally:
            self.kill()

    @contextmanager
    def frozen(self):
        """Stand still (SIGSTOP) within the context."""
        self.running.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.running.send_signal(signal.SIGCONT)

    def kill(self):
        """Kill -9."""
        self.running.send_signal(signal.SIGKILL)
        self.running.wait()
