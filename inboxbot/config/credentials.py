"""Secrets: files of `$CREDENTIALS_DIRECTORY` (systemd) or variables of the environment.

The configuration only names them, so that it can be shown and copied.
"""

import os
from pathlib import Path

from inboxbot.errors import ConfigError, Problem


def credential(name: str) -> str:
    """Return the secret called `name`; raise `ConfigError` that says where to put it.

    It is read anew at each call, so that a changed password counts without a restart.
    """
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    if folder:
        file = Path(folder) / name
        try:
            return file.read_text("utf-8").rstrip("\r\n")
        except FileNotFoundError:
            pass
        except (OSError, UnicodeDecodeError):
            raise ConfigError(
                (Problem(f"credential {name}", f"{file} cannot be read as text."),)
            ) from None
    variable = credential_variable(name)
    if variable in os.environ:
        return os.environ[variable]
    raise ConfigError(
        (
            Problem(
                f"credential {name}",
                f"It is missing: put it in the file {name} of $CREDENTIALS_DIRECTORY (systemd: "
                f"LoadCredential={name}:/etc/inboxbot/credentials/{name}), or for a trial in "
                f"the environment variable {variable}.",
            ),
        )
    )


def credential_variable(name: str) -> str:
    """Return the environment variable that may hold the secret called `name`."""
    return f"INBOXBOT_{name.upper().replace('-', '_')}"
