"""The models that come with the program, as they lie on the disk.

Pure; reading one here loads none of the library that its numbers are for.
"""

import functools
import hashlib
from importlib import resources

from inboxbot.errors import PermanentError


def shipped_model(kind: str) -> bytes:
    """Return the shipped model of `kind`; raises PermanentError where it is missing."""
    source = resources.files("inboxbot.classify").joinpath(f"data/{kind}.model")
    try:
        return source.read_bytes()
    except OSError as error:
        raise PermanentError(
            f"The shipped {kind} model is missing: install inboxbot again."
        ) from error


@functools.cache
def shipped_fingerprint(kind: str) -> str:
    """Return the SHA-256 of the shipped model of `kind`.

    A model that was trained beside another one may look at letters in another way.
    """
    return hashlib.sha256(shipped_model(kind)).hexdigest()
