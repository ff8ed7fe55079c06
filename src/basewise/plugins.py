"""Whether JAX is installed here for graphics cards or TPUs, looked up without importing it."""

import os
import pkgutil
from collections.abc import Iterable
from importlib import metadata, util

from basewise.errors import BasewiseError

GROUP = "jax_plugins"  # entry points, and a namespace package: JAX itself looks for both
LOCKS = {"gpu": "requirements-cuda.lock", "tpu": "requirements-tpu.lock"}
TPU_LIBRARY = "TPU_LIBRARY_PATH"


def list_plugins() -> list[str]:
    """The names of the plugins that JAX would load: `xla_cuda13` and the like."""
    names = {point.name for point in metadata.entry_points(group=GROUP)}
    package = util.find_spec(GROUP)
    places = package.submodule_search_locations if package else None
    names |= {module.name for module in pkgutil.iter_modules(places or [])}
    return sorted(names)


def is_installed(platform: str) -> bool:
    """Whether JAX could compute on a platform, as far as what is installed tells."""
    if platform not in LOCKS:
        return True
    of_tpu = {"tpu" in name.lower() for name in list_plugins()}
    if platform == "gpu":
        return False in of_tpu
    return True in of_tpu or TPU_LIBRARY in os.environ or util.find_spec("libtpu") is not None


def refuse_absent(platform: str, rules: Iterable[str]) -> None:
    """Raise when JAX is not installed for the platform that rules are to compute on."""
    if not is_installed(platform):
        raise explain_absence(platform, rules)


def explain_absence(platform: str, rules: Iterable[str]) -> BasewiseError:
    """What is missing for rules to compute on a platform, and how it is installed."""
    return BasewiseError(
        f"The config asks for a {platform.upper()} for {', '.join(sorted(rules))}, and JAX is "
        "installed without support for one",
        found=f"plugins of JAX: {', '.join(list_plugins()) or 'none'}",
        hint=f"Run `make install LOCK={LOCKS[platform]}`, or, where there is no such device, set "
        "that chapter's platform to auto.",
    )
