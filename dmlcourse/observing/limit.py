"""A limit on the time that an answer may take."""

from __future__ import annotations

import _thread
import contextlib
import signal
import threading
from collections.abc import Iterator


class TimeUp(BaseException):
    """The limit passed. Not an Exception, so that ``except Exception`` does not swallow it."""


@contextlib.contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise ``TimeUp`` in the body once ``seconds`` have passed.

    On the main thread of a Unix process an interval timer does it, and keeps firing until the
    body gives up. Elsewhere on the main thread (Windows) a timer thread interrupts it. Off the
    main thread Python offers no way to interrupt, so the body runs without a limit.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
    elif hasattr(signal, "setitimer"):
        with _alarm(seconds):
            yield
    else:
        with _interruption(seconds):
            yield


@contextlib.contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    def fire(*_: object) -> None:
        raise TimeUp

    before = signal.signal(signal.SIGALRM, fire)
    signal.setitimer(signal.ITIMER_REAL, seconds, 0.2)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextlib.contextmanager
def _interruption(seconds: float) -> Iterator[None]:
    fired = threading.Event()

    def fire() -> None:
        fired.set()
        _thread.interrupt_main()

    timer = threading.Timer(seconds, fire)
    timer.daemon = True
    timer.start()
    try:
        yield
    except KeyboardInterrupt:
        if fired.is_set():
            raise TimeUp from None
        raise
    finally:
        timer.cancel()
