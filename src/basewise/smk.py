"""What every workflow script does first: send all it says to the log of its rule."""

import logging
import os
import sys
from pathlib import Path

from basewise.errors import BasewiseError

CHATTY = ("httpx", "httpx2", "jax", "matplotlib", "numba")
LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def configure_logging(log_path: str | os.PathLike) -> None:
    """Log to the file and to stderr: records, warnings, and the exception that ends the script.

    The file is started anew. An exception ends both with one line. The traceback of a
    BasewiseError goes to the file only.
    """
    log_path = Path(log_path)
    log_path.parent.mkdir(parents=True, exist_ok=True)
    file = logging.FileHandler(log_path, mode="w", encoding="utf-8")
    logging.basicConfig(
        level=logging.INFO,
        format=LOG_FORMAT,
        datefmt="%Y-%m-%d %H:%M:%S",
        handlers=[file, logging.StreamHandler()],
        force=True,
    )
    for library in CHATTY:
        logging.getLogger(library).setLevel(logging.WARNING)
    logging.captureWarnings(True)
    logger = logging.getLogger("basewise")

    def log_exception(kind, error, traceback):
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error, traceback)
        elif issubclass(kind, BasewiseError):
            record = logger.makeRecord(
                logger.name, logging.INFO, "", 0, "raised here", (), (kind, error, traceback)
            )
            file.handle(record)
            logger.error("%s", error)
        else:
            logger.critical("the script failed", exc_info=(kind, error, traceback))
            said = str(error).partition("\n")[0]
            logger.critical("%s: %s", kind.__name__, said)

    sys.excepthook = log_exception
