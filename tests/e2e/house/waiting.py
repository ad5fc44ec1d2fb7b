"""Waiting with an end: every wait of these tests is bounded and says what it waited for."""

import time


def until(ready, seconds, what, every=0.05):
    """Calls `ready` until it gives something true, which is returned; fails with `what` after `seconds`."""
    end = time.monotonic() + seconds
    while True:
        answer = ready()
        if answer:
            return answer
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds} s for {what}; last answer: {answer!r}")
        time.sleep(every)
