"""An event loop in a thread of its own, so that plain calls work where another loop runs already, as in Jupyter."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from typing import Any, TypeVar

from cxrgate.core import UsageError
from cxrgate.core.threads import threads_of_a_loop

T = TypeVar("T")


class BackgroundLoop:
    """Runs coroutines for threads that wait for them, and closes what was opened on it."""

    def __init__(self) -> None:
        self.stack = AsyncExitStack()
        self._loop = asyncio.new_event_loop()
        self._threads = threads_of_a_loop()
        self._loop.set_default_executor(self._threads)
        # A daemon: a script that ends without closing is not held up.
        self._thread = threading.Thread(target=self._loop.run_forever, name="cxrgate-filter", daemon=True)
        self._thread.start()

    @property
    def is_closed(self) -> bool:
        """Whether nothing runs here any more."""
        return self._loop.is_closed()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Wait for the coroutine and give what it gives; it is cancelled where the wait is interrupted (Ctrl-C).

        Raises:
            UsageError: the loop is closed.
        """
        if self.is_closed:
            work.close()
            raise UsageError("the filter is closed: open it again")
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def close(self) -> None:
        """Close what `stack` holds, then end the loop and its thread."""
        try:
            self.run(self.stack.aclose())
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()
            self._threads.shutdown()
