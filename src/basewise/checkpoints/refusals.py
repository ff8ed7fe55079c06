"""What a model hub and the way to it answer instead of a file: what may pass, and what to do."""

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from huggingface_hub import constants, errors, get_token
from huggingface_hub.utils import httpx

from basewise.errors import BasewiseError

RETRIES, MAX_WAIT_S = 5, 60.0
TEMPORARY_STATUS = {408, 425, 429}  # and every 5xx
WEBSITE = "https://huggingface.co"  # where licences are accepted, whichever mirror serves the files
Answer = TypeVar("Answer")

logger = logging.getLogger(__name__)


class Unreachable(BasewiseError):
    """No answer, or none of use, however often one asked: the files may be there nevertheless."""


def persist(ask: Callable[[], Answer], what: str, name: str, *, retries: int = RETRIES) -> Answer:
    """Return what a function of huggingface_hub returns, asking again while it may help.

    Args:
        what: the source asked for, with its revision.
        name: its repository, OWNER/NAME.
        retries: how often to ask again, after waits that double from one second on.

    Raises:
        Unreachable: all attempts broke off.
        BasewiseError: the hub refuses, or what answers is no hub.
    """
    for attempt in range(retries + 1):
        try:
            return ask()
        except (errors.XetDownloadError, httpx.HTTPError, httpx.InvalidURL) as error:
            reason = _passing(error, what, name)
        except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
            if getattr(error, "errno", None) and not isinstance(error, errors.HfHubHTTPError):
                raise  # of the disk
            reason = _passing(error, what, name)
        if attempt < retries:
            wait_s = min(2.0**attempt, MAX_WAIT_S)
            logger.warning("%s: %s; trying again in %.0f s", what, reason, wait_s)
            time.sleep(wait_s)
    raise Unreachable(
        f"{what} could not be fetched: {retries + 1} attempts failed",
        found=reason,
        hint="Check the network and run again.",
    )


def _passing(error: Exception, what: str, name: str) -> str:
    """The reason in words if it may pass; otherwise a BasewiseError is raised."""
    if isinstance(error, errors.LocalEntryNotFoundError | ValueError) and error.__cause__:
        error = error.__cause__  # the library's own words hide the reason
    if isinstance(error, errors.OfflineModeIsEnabled | errors.LocalEntryNotFoundError):
        raise BasewiseError(
            f"{what} is not in the cache, {constants.HF_HUB_CACHE}",
            found="HF_HUB_OFFLINE is set, so nothing is fetched",
            hint="Unset it, or run `snakemake prefetch` where there is a network.",
        ) from None
    if isinstance(error, errors.HfHubHTTPError):
        status = error.response.status_code
        if status not in TEMPORARY_STATUS and status < 500:
            raise _refusal(error, what, name) from None
        return _answer(error)
    if isinstance(error, httpx.UnsupportedProtocol | httpx.InvalidURL | httpx.TooManyRedirects):
        raise _no_hub(what, str(error)) from None
    if isinstance(error, errors.HFValidationError):
        raise BasewiseError(f"{what} is no name that a hub knows", found=error) from None
    if isinstance(error, errors.FileMetadataError):
        raise _no_hub(what, "an answer without commit or version") from None
    if isinstance(error, ValueError | KeyError | TypeError):
        raise _no_hub(what, "an answer that is not the hub's, perhaps a web page") from None
    return " ".join(str(error).split()) or type(error).__name__


def _refusal(error: errors.HfHubHTTPError, what: str, name: str) -> BasewiseError:
    """What a final answer of the hub means, and what to do about it."""
    status, has_token = error.response.status_code, bool(get_token())
    why, not_enough = _answer(error), " (the one set is not enough)" if has_token else ""
    open_it = (
        f"Accept its licence at {WEBSITE}/{name}, make a token there that may read it, and set "
        f"HF_TOKEN{not_enough}."
    )
    if isinstance(error, errors.GatedRepoError):
        return BasewiseError(f"{what} is gated", found=why, hint=open_it)
    if isinstance(error, errors.RevisionNotFoundError):
        hint = f"{WEBSITE}/{name}/commits lists those it has."
        return BasewiseError(f"{what}: there is no such revision", found=why, hint=hint)
    if isinstance(error, errors.RemoteEntryNotFoundError):
        hint = f"{WEBSITE}/{name}/tree/main lists those it has."
        return BasewiseError(f"{what}: there is no such file", found=why, hint=hint)
    if isinstance(error, errors.DisabledRepoError):
        return BasewiseError(f"{what} has been disabled by the hub", found=why)
    if status == 404:
        also = " to this token" if has_token else ", or is private and HF_TOKEN is not set"
        return BasewiseError(
            f"{what} does not exist{also}", found=why, hint=f"Is it at {WEBSITE}/{name}?"
        )
    if status == 401 and has_token:
        return BasewiseError(
            f"{what} does not exist, or the hub does not accept the token in use",
            found=why,
            hint=f"Check the name, and that HF_TOKEN is valid, at {WEBSITE}/settings/tokens.",
        )
    if status == 401:
        return BasewiseError(
            f"{what} is private or gated, or does not exist",
            found=why,
            hint=f"Check the name. {open_it}",
        )
    if status == 403:
        return BasewiseError(f"{what} is gated or closed to you", found=why, hint=open_it)
    return BasewiseError(f"{what} cannot be fetched", found=why)


def _no_hub(what: str, found: str) -> BasewiseError:
    return BasewiseError(
        f"{what}: what answers at {constants.ENDPOINT} is no model hub",
        found=found,
        hint="Check HF_ENDPOINT, and whether a proxy or a login page is in between.",
    )


def _answer(error: errors.HfHubHTTPError) -> str:
    response = error.response
    said = response.headers.get("X-Error-Message", "")
    return f"HTTP {response.status_code} {response.reason_phrase}{': ' if said else ''}{said}"
