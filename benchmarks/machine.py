"""What the numbers were measured on, and the peak memory of a process."""

import os
import platform
import resource
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path


def peak_mb() -> float:
    """Peak memory of this process in MB; getrusage would count its parent's where it forked."""
    status = Path("/proc/self/status")
    if status.exists():
        lines = status.read_text().splitlines()
        return next(int(line.split()[1]) * 1.024e-3 for line in lines if "VmHWM" in line)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e6 if sys.platform == "darwin" else 1e6 / 1024)


def describe_machine(packages: Sequence[str]) -> dict:
    """Processor, cores, memory, load, and the versions of Python and some packages."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        models = [line for line in cpuinfo.read_text().splitlines() if "model name" in line]
        model = models[0].partition(":")[2].strip() if models else model
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "memory_gib": round(memory, 1),
        "load_before": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
        "system": platform.system(),
        **{package: version(package) for package in packages},
    }


def describe_in_words(packages: Sequence[str]) -> str:
    """The same in one line."""
    facts = describe_machine(packages)
    versions = ", ".join(f"{package} {facts[package]}" for package in packages)
    return (
        f"{facts['cpu']}, {facts['cores']} cores, {facts['memory_gib']} GiB, load before "
        f"{facts['load_before']}; Python {facts['python']}, {versions}"
    )
