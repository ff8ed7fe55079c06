"""Which devices a run uses, and the cache of compiled programs."""

import os
from pathlib import Path

import jax

from basewise.errors import BasewiseError

PLATFORMS = ("auto", "cpu", "gpu", "tpu")


def select_devices(platform: str = "auto") -> list[jax.Device]:
    """Return the local devices of a platform; call it before any other use of JAX.

    Raises:
        BasewiseError: the platform is unknown, or JAX sees no such device.
    """
    if platform not in PLATFORMS:
        raise BasewiseError(
            "unknown platform", found=repr(platform), hint=f"Known: {', '.join(PLATFORMS)}."
        )
    if platform == "cpu":
        jax.config.update("jax_platforms", "cpu")
    devices = jax.local_devices()
    if platform != "auto" and devices[0].platform != platform:
        raise BasewiseError(
            f"the config asks for a {platform.upper()}, and JAX sees none on this machine",
            found=", ".join(sorted({device.device_kind for device in devices})),
            hint=f"Install JAX for it (pip install 'basewise[{_extra(platform)}]'), check the "
            "driver and what the scheduler gave this job, or set platform to auto.",
        )
    return devices


def use_compilation_cache(folder: str | os.PathLike | None) -> None:
    """Keep compiled programs in a folder, so that the next process does not compile them again."""
    if folder is None:
        return
    Path(folder).mkdir(parents=True, exist_ok=True)
    jax.config.update("jax_compilation_cache_dir", os.fspath(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.5)


def _extra(platform: str) -> str:
    return {"gpu": "cuda", "tpu": "tpu"}[platform]
