"""What is wrong with a configuration, as one problem for each setting.

A problem says what was found and what to write instead, in words of ours, not in pydantic's.
"""

from typing import Any

from inboxbot.config.mailbox import MailboxReplies
from inboxbot.config.sections import Config, Replies
from inboxbot.errors import Problem

_WANTED = {
    "string_type": "text in quotes",
    "int_type": "a whole number without quotes",
    "float_type": "a number without quotes",
    "bool_type": "true or false, without quotes",
    "tuple_type": 'a list in brackets, such as ["one", "two"]',
    "model_type": "a section of its own",
}

_PATTERNS = {
    "name": "lower-case letters, digits, - and _, at most 31 of them",
    "mark": 'nothing, "keyword:$Name" or "move:Folder"',
    "default_language": 'a language code of two letters, such as "en"',
}


def problems_of(errors: Any) -> tuple[Problem, ...]:
    """Return one problem for each setting, leaving out what only follows from another."""
    places = [place_of(error["loc"]) for error in errors]
    return tuple(
        _problem(error)
        for error, place in zip(errors, places, strict=True)
        if not (
            error["type"] == "too_short"
            and any(other != place and other.startswith(place) for other in places)
        )
    )


def _problem(error: Any) -> Problem:
    """Return the problem of ours for one of pydantic's errors."""
    place = place_of(error["loc"])
    match error["type"]:
        case "extra_forbidden":
            return Problem(place, f"There is no such setting.{_suggestion(error['loc'])}")
        case "missing":
            return Problem(place, "This setting is missing: write it.")
        case "value_error":
            return Problem(place, _sentence(str(error["ctx"]["error"])))
        case "string_too_short" | "too_short":
            return Problem(place, "This is empty: fill it in.")
    found = error["input"]
    if place == "mailbox" and error["type"] == "tuple_type":
        return Problem(place, f"There may be several: write [[{place}]] in double brackets.")
    shown = f"Found {found!r}: write" if isinstance(found, str | int | float | bool) else "Write"
    match error["type"]:
        case kind if kind in _WANTED:
            return Problem(place, f"{shown} {_WANTED[kind]}.")
        case "literal_error":
            return Problem(place, f"{shown} one of {error['ctx']['expected']}.")
        case "greater_than_equal":
            return Problem(place, f"{shown} {error['ctx']['ge']} or more.")
        case "less_than_equal":
            return Problem(place, f"{shown} {error['ctx']['le']} or less.")
        case "string_pattern_mismatch":
            return Problem(place, f"{shown} {_PATTERNS[error['loc'][-1]]}.")
        case _:
            return Problem(place, f"{error['msg']}.")


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def place_of(location: tuple[str | int, ...]) -> str:
    """Return how a setting is named to people, such as `mailbox[0].imap.host`."""
    text = ""
    for step in location:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text or "configuration"


def _suggestion(location: tuple[str | int, ...]) -> str:
    section: Any = Config
    for step in location[:-1]:
        if isinstance(step, str):
            field = section.model_fields.get(step)
            if field is None:
                return ""
            section = _section_of(field.annotation)
    name = str(location[-1])
    if section is MailboxReplies and name in Replies.model_fields:
        return f" It counts for all mailboxes together: write {name} in [replies]."
    from difflib import get_close_matches  # Loaded only where something is wrong.

    near = get_close_matches(name, list(section.model_fields), 1, 0.5)
    if near:
        return f" Did you mean {near[0]}?"
    return f" Known here: {', '.join(name for name in section.model_fields if name != 'source')}."


def _section_of(annotation: Any) -> Any:
    inner = getattr(annotation, "__args__", None)
    return inner[0] if inner else annotation
