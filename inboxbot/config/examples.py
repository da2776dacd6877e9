"""What is still the example's: it must be filled in before a letter is answered."""

from pydantic import BaseModel

from inboxbot.config.problems import place_of
from inboxbot.config.sections import Config
from inboxbot.errors import Problem

# Whose telephone and address the example has: a mail with them must not leave in another's name.
EXAMPLE_NAME = "ALS Worldwide"
EXAMPLE_CONTACT = {
    "phone": "1-608-663-0920",
    "postal_address": "5808 Dawley Drive, Fitchburg, WI 53711-7209, USA",
}
EXAMPLE_DOMAINS = ("example.org", "example.com", "example.net", ".example", ".test", ".invalid")


def placeholders(config: Config) -> tuple[Problem, ...]:
    """Return every value that is still the example's: names reserved by RFC 2606, and contacts."""
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
    return (*found, *_of_another(config))


def _of_another(config: Config) -> tuple[Problem, ...]:
    """Return where people would be told to call or to write to the example's organisation."""
    ours = config.organisation
    if ours.name == EXAMPLE_NAME:
        return ()
    return tuple(
        Problem(f"organisation.{key}", f'"{value}" is that of {EXAMPLE_NAME}: write your own here.')
        for key, value in EXAMPLE_CONTACT.items()
        if getattr(ours, key) == value
    )


def _is_example(value: str) -> bool:
    text = value.lower().rstrip("/")
    host = text.split("://", 1)[-1].split("/", 1)[0].rpartition("@")[2].split(":", 1)[0]
    return "." in host and any(
        host == name.lstrip(".") or host.endswith(f".{name.lstrip('.')}")
        for name in EXAMPLE_DOMAINS
    )
