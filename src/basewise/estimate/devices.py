"""Devices: what their makers say they can do, and what models were measured to do on them."""

from collections.abc import Mapping
from dataclasses import dataclass

from basewise.errors import BasewiseError, nearest
from basewise.estimate.shipped import find_shipped
from basewise.estimate.tables import read_rows

DEVICES, THROUGHPUT = "resources/devices.tsv", "resources/throughput.tsv"


@dataclass(frozen=True)
class Device:
    """One row of resources/devices.tsv.

    Attributes:
        efficiency: share of the peak that is reckoned with.
        efficiency_source: where it is from, or that it is assumed.
    """

    device: str
    platform: str
    bfloat16_tflops: float
    float32_tflops: float
    memory_gib: float | None
    efficiency: float
    efficiency_source: str

    def peak_flops(self, precision: str) -> float:
        """Return the peak in FLOP/s of a precision of products."""
        return 1e12 * {"bfloat16": self.bfloat16_tflops, "float32": self.float32_tflops}[precision]


@dataclass(frozen=True)
class Measured:
    """One row of resources/throughput.tsv: scored bp per second of one job."""

    model: str
    device: str
    devices: int
    strands: str
    precision: str
    bp_per_s: float
    source: str

    def forward_bp_per_s(self) -> float:
        """Return the rate of one device reading one strand."""
        return self.bp_per_s / self.devices * (2 if self.strands == "both" else 1)


def read_devices() -> dict[str, Device]:
    """Return the shipped devices by name."""
    return {row.device: row for row in read_rows(find_shipped(DEVICES), Device)}


def read_throughput() -> list[Measured]:
    """Return the shipped measurements."""
    return read_rows(find_shipped(THROUGHPUT), Measured)


def find_device(name: str | None, platform: str, devices: Mapping[str, Device]) -> Device:
    """Return a device by name, in any case, or the first of a platform; "auto" means the CPU.

    Raises:
        BasewiseError: no such device, with the nearest.
    """
    if name is None:
        wanted = "cpu" if platform == "auto" else platform
        return next(device for device in devices.values() if device.platform == wanted)
    for device in devices.values():
        if device.device.lower() == name.lower():
            return device
    raise BasewiseError(
        f"device {name!r} is not in {DEVICES}",
        hint=nearest(name, devices),
    )
