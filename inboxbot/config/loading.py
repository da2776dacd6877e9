"""Finding the file, and reading it: a whole `Config`, or every problem at once."""

import os
import tomllib
from pathlib import Path

from pydantic import ValidationError

from inboxbot.config.problems import problems_of
from inboxbot.config.sections import Config
from inboxbot.errors import ConfigError, Problem

DEFAULT_PLACES = (Path("config/inboxbot.toml"), Path("/etc/inboxbot/inboxbot.toml"))


def find(given: str | None) -> Path:
    """Return the configuration file to use: as given, from $INBOXBOT_CONFIG, or a usual place.

    Raises `ConfigError` where there is none.
    """
    named = given or os.environ.get("INBOXBOT_CONFIG")
    if named:
        return Path(named)
    for place in DEFAULT_PLACES:
        if place.exists():
            return place
    places = " or ".join(str(place) for place in DEFAULT_PLACES)
    raise ConfigError(
        (
            Problem(
                "configuration",
                f"There is none at {places}: run `inboxbot init`, or name one with --config.",
            ),
        )
    )


def load(path: Path) -> Config:
    """Read the configuration at `path`; raise `ConfigError` with every problem in it."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise ConfigError(
            (Problem(str(path), "There is no such file: run `inboxbot init`."),)
        ) from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ConfigError(
            (Problem(f"{path}:{line}", "This line is not UTF-8: save the file as UTF-8."),)
        ) from None
    except OSError as error:
        raise ConfigError(
            (
                Problem(
                    str(path), f"It cannot be read ({error.strerror}): check its owner and mode."
                ),
            )
        ) from None
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError((Problem(str(path), f"This is not valid TOML: {error}."),)) from None
    try:
        return Config.model_validate(values | {"source": path})
    except ValidationError as error:
        raise ConfigError(problems_of(error.errors())) from None
