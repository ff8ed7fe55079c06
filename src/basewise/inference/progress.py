"""Lines of progress in a job's log: bp done, bp/s, ETA."""

import logging
import time

log = logging.getLogger(__name__)

SECONDS_BETWEEN_LINES = 10.0


class Progress:
    """Counts bp and now and then says how it goes."""

    def __init__(self, total_bp: int):
        self.total, self.done = total_bp, 0
        self.began = self.said = time.monotonic()

    def advance(self, bp: int) -> None:
        """Count ``bp`` more, and report if the last line is old."""
        self.done += bp
        if time.monotonic() - self.said >= SECONDS_BETWEEN_LINES:
            self.report()

    def report(self) -> None:
        """Log one line."""
        self.said = time.monotonic()
        rate = self.done / max(self.said - self.began, 1e-9)
        left = (self.total - self.done) / rate if rate else float("inf")
        log.info("%s of %s bp done, %s bp/s, ETA %.0f s", f"{self.done:,}", f"{self.total:,}",
                 f"{rate:,.0f}", left)  # fmt: skip
