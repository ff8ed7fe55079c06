"""The codec of bigWig blocks: zlib streams by the fastest library at hand.

isal level 1 packs several times faster than zlib level 1, libdeflate (the package `deflate`) lies
between; the packed bytes differ between them, the values never. What isal makes of a short block
also differs, once in a while, from one process to the next; so zlib packs all but full sections.
"""

import zlib
from collections.abc import Callable

from basewise.errors import BasewiseError

Codec = Callable[[bytes], bytes]
SHORT_BYTES = 1 << 15  # less than a full section, more than a block of zoom records


def _isal() -> Codec:
    from isal import isal_zlib

    def compress(data: bytes) -> bytes:
        return (zlib if len(data) < SHORT_BYTES else isal_zlib).compress(data, 1)

    return compress


def _libdeflate() -> Codec:
    import deflate

    return lambda data: bytes(deflate.zlib_compress(bytes(data), 1))


def _zlib() -> Codec:
    return lambda data: zlib.compress(data, 1)


CODECS: dict[str, Callable[[], Codec]] = {
    "isal": _isal,
    "libdeflate": _libdeflate,
    "zlib": _zlib,
}


def get_codec(name: str | None = None) -> tuple[str, Codec]:
    """The codec of this name, or the fastest one installed: (its name, bytes-like → bytes)."""
    if name is not None and name not in CODECS:
        raise BasewiseError("Unknown codec", found=repr(name), hint=f"Use {', '.join(CODECS)}")
    for candidate in CODECS if name is None else (name,):
        try:
            return candidate, CODECS[candidate]()
        except ImportError:
            continue
    raise BasewiseError(f"The codec {name} is not installed here")


CODEC_NAME, compress = get_codec()
