"""How much memory the C library holds on to: one heap for all threads, large pieces given back.

By itself glibc makes a heap for each thread, and gives back only what is free at a heap's end. The
daemon's jobs wander over a dozen threads, and each left a batch of letters behind in its heap.
"""

import ctypes

# What mallopt is told (malloc.h of glibc); other C libraries have no such heaps, and not mallopt.
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_M_ARENA_MAX = -8
# From this size on a piece is the system's own, and is given back as soon as it is free.
LARGE = 256 * 1024


def share() -> None:
    """Have all threads of this process share one heap; call it before there are threads.

    That costs no waiting: Python lets one thread at a time work, and so ask for memory.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return
    mallopt(_M_ARENA_MAX, 1)
    # Left alone, both grow with the largest piece that ever was free, up to 32 and 64 MB.
    mallopt(_M_MMAP_THRESHOLD, LARGE)
    mallopt(_M_TRIM_THRESHOLD, 2 * LARGE)
