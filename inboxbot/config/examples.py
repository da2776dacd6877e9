"""What is still the example's: it must be filled in before a letter is answered."""

from pydantic import BaseModel

from inboxbot.config.problems import place_of
from inboxbot.config.sections import Config
from inboxbot.errors import Problem

EXAMPLE_DOMAINS = ("example.org", "example.com", "example.net", ".example", ".test", ".invalid")


def placeholders(config: Config) -> tuple[Problem, ...]:
    """Return every value that is still the example's: names reserved by RFC 2606."""
    found: list[Problem] = []

    def look(value: object, place: tuple[str | int, ...]) -> None:
        if isinstance(value, BaseModel):
            for name in type(value).model_fields:
                look(getattr(value, name), (*place, name))
        elif isinstance(value, tuple):
            for number, item in enumerate(value):
                look(item, (*place, number))
        elif isinstance(value, str) and _is_example(value):
            found.append(
                Problem(place_of(place), f'"{value}" is still the example: write your own here.')
            )

    look(config, ())
    return tuple(found)


def _is_example(value: str) -> bool:
    text = value.lower().rstrip("/")
    host = text.split("://", 1)[-1].split("/", 1)[0].rpartition("@")[2].split(":", 1)[0]
    return "." in host and any(
        host == name.lstrip(".") or host.endswith(f".{name.lstrip('.')}")
        for name in EXAMPLE_DOMAINS
    )
