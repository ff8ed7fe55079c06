"""Which devices a run uses, and the cache of compiled programs."""

import hashlib
import os
import platform as machine
from pathlib import Path

import jax

from basewise.errors import BasewiseError
from basewise.inference.cards import VISIBLE, claim_cards

PLATFORMS = ("auto", "cpu", "gpu", "tpu")
EXTRAS = {"gpu": "cuda", "tpu": "tpu"}
TOLD = (
    *("SLURM_JOB_ID", "SLURM_JOB_NAME", "SLURM_JOB_PARTITION", "SLURM_GPUS"),
    *("SLURM_GPUS_ON_NODE", "SLURM_JOB_GPUS", VISIBLE, "TPU_VISIBLE_CHIPS"),
)
MIN_COMPILE_SECONDS = 0.5


def select_devices(
    platform: str = "auto", *, threads: int | None = None, promised: int | None = None
) -> list[jax.Device]:
    """Return the local devices of a platform; call it before any other use of JAX.

    Args:
        threads: how many threads a CPU computes with; None for as many as it has.
        promised: how many cards or chips a job asked for. Of cards it takes so many; of chips
            all, because one process at a time can open those of a machine. None for all there are.

    Raises:
        BasewiseError: the platform is unknown, or JAX sees no such device, or fewer than promised.
    """
    if platform not in PLATFORMS:
        raise BasewiseError(
            "unknown platform", found=repr(platform), hint=f"Known: {', '.join(PLATFORMS)}."
        )
    if threads is not None:
        os.environ["PJRT_NPROC"] = str(threads)
    if platform == "cpu":
        jax.config.update("jax_platforms", "cpu")
    if platform == "gpu" and promised is not None:
        claim_cards(promised)
    devices = jax.local_devices()
    if platform != "auto" and devices[0].platform != platform:
        raise BasewiseError(
            f"the config asks for a {platform.upper()}, and JAX sees none on this machine",
            found=_describe_place(devices),
            hint=f"Install JAX for it (the {EXTRAS[platform]} extra of basewise), check the driver "
            "and what the scheduler gave this job, or set platform to auto.",
        )
    if platform in EXTRAS and promised is not None and len(devices) < promised:
        raise BasewiseError(
            f"the job was promised {promised} {platform.upper()} devices, and JAX sees "
            f"{len(devices)}",
            found=_describe_place(devices),
            hint="Check what the profile asks of the scheduler (gpu, gres), or lower "
            "devices_per_job.",
        )
    return devices


def _describe_place(devices: list[jax.Device]) -> str:
    """What JAX sees, where this is, and what a scheduler said the job has."""
    kinds = ", ".join(device.device_kind for device in devices)
    told = [f"{name}={os.environ[name]}" for name in TOLD if name in os.environ]
    return f"{kinds} on {machine.node()}" + (f" ({', '.join(told)})" if told else "")


def use_compilation_cache(folder: str | os.PathLike | None, devices: list[jax.Device]) -> None:
    """Keep compiled programs, so that the next process does not compile them again.

    Each version of JAX and kind of processor has a folder of its own inside ``folder``: what is
    compiled for one CPU may not run on another.
    """
    if folder is None:
        return
    kinds = "|".join(sorted({device.device_kind for device in devices}))
    mark = hashlib.sha256(f"{kinds}|{_describe_cpu()}".encode()).hexdigest()[:12]
    place = Path(folder) / f"jax-{jax.__version__}-{devices[0].platform}-{mark}"
    place.mkdir(parents=True, exist_ok=True)
    jax.config.update("jax_compilation_cache_dir", os.fspath(place))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", MIN_COMPILE_SECONDS)


def _describe_cpu() -> str:
    """Return what tells one kind of processor from another: its model and instruction sets."""
    listing = Path("/proc/cpuinfo")
    if not listing.exists():
        return f"{machine.machine()} {machine.processor()}"
    lines = listing.read_text().splitlines()
    wanted = ("model name", "flags", "Features")
    return "|".join(sorted({line for line in lines if line.startswith(wanted)}))
