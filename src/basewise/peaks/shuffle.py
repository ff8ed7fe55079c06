"""Shuffles without state: the i-th item of a permutation, computed from a key alone.

A permutation of n items is the swap-or-not shuffle (Hoang, Morris and Rogaway 2012,
doi:10.1007/978-3-642-32009-5_1): in every round an item may change places with the one at its
mirror position, and a coin that both share decides. Any n, no memory, constant time per item.
The coins come from the finaliser of SplitMix64 (Steele, Lea and Flood 2014,
doi:10.1145/2660193.2660195), so results do not depend on NumPy's version or the platform.
"""

import hashlib
import json

import numpy as np
from numba import njit

N_ROUNDS = 64
MAX_ITEMS = 1 << 32

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)
_ONE, _S27, _S30, _S31, _S32 = (np.uint64(n) for n in (1, 27, 30, 31, 32))


def key_of(seed: int, *names: object) -> np.uint64:
    """A key from a seed and names of what it is for."""
    text = json.dumps([int(seed), *map(str, names)], ensure_ascii=True)
    return np.frombuffer(hashlib.sha256(text.encode()).digest()[:8], dtype="<u8")[0]


@njit(cache=True, nogil=True)
def mix(key, number):
    """A uint64 that a key and a number lead to, and that tells nothing about them."""
    x = key + (np.uint64(number) + _ONE) * _GOLDEN
    x = (x ^ (x >> _S30)) * _FIRST
    x = (x ^ (x >> _S27)) * _SECOND
    return x ^ (x >> _S31)


@njit(cache=True, nogil=True)
def below(bits, n):
    """A whole number below n (less than 2**32) from 64 random bits."""
    return ((bits >> _S32) * np.uint64(n)) >> _S32


@njit(cache=True, nogil=True)
def permuted(index, n, key):
    """The item at a position of the permutation of n items that a key stands for."""
    size = np.uint64(n)
    item = np.uint64(index)
    for number in range(N_ROUNDS):
        bits = mix(key, number)
        mirror = below(bits, size) + size - item
        if mirror >= size:
            mirror -= size
        if mix(bits, max(item, mirror)) & _ONE:
            item = mirror
    return np.int64(item)
