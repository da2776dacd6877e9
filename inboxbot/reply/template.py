"""Reply templates: what they may contain, how they are checked, how they are filled.

Pure: text in, text or problems out. Reading the files is `reply.library`.

A template never receives anything that the sender wrote, but for a first name that passed
`safe_first_name`, and that only when the sender is authenticated. That is a safety rule: a
form reply that echoes a stranger's words can be made to say anything, in our name, to
whomever the stranger gave as the sender.
"""

import re
from dataclasses import asdict, field, fields
from functools import lru_cache
from typing import TYPE_CHECKING

from inboxbot.errors import TemplateError
from inboxbot.frozen import dataclass
from inboxbot.reply import markup
from inboxbot.reply.names import safe_first_name
from inboxbot.reply.source import MAX_SOURCE, TemplateProblem, place

if TYPE_CHECKING:
    from jinja2 import Template

__all__ = [
    "NAMES",
    "SHORT_NAMES",
    "TITLES",
    "VARIABLE_NAMES",
    "Filled",
    "TemplateProblem",
    "Variables",
    "fill",
    "problems",
    "render",
    "safe_first_name",
]

NAMES = ("profile_request", "medication_question", "general_inquiry", "bereavement", "urgent")
"""The acknowledgements: one for each category, and two for letters that need another tone."""

SHORT_NAMES = ("short", "short_urgent", "short_bereavement")
"""What stands before the English text, in the reader's language, until that is reviewed."""

TITLES = {
    "profile_request": "Profile request",
    "medication_question": "Medication question",
    "general_inquiry": "General inquiry",
    "bereavement": "Bereavement",
    "urgent": "Urgent letter",
    "short": "Short note",
    "short_urgent": "Short note, urgent letter",
    "short_bereavement": "Short note, bereavement",
}
"""What people call them."""

MAX_OUTPUT = 64_000
MAX_SUBJECT = 78
RIGHT_TO_LEFT = frozenset({"ar", "fa", "he", "ur"})

_LEFT_TO_RIGHT_MARK = "\u200e"
_SUBJECT = "Subject:"
_COMMENT = re.compile(r"\{#.*?#\}\n?", re.DOTALL)


def _value(help_text: str, example: str | int | bool) -> dict[str, str | int | bool]:
    return {"help": help_text, "example": example}


@dataclass(frozen=True, slots=True, kw_only=True)
class Variables:
    """What a template may use. The help texts become the administrators' manual.

    Plain text, numbers and yes-or-no only. Those with an empty default are filled only
    when a trusted server vouches for the sender, so each template must read well without.
    """

    organisation: str = field(metadata=_value("The organisation's name.", "ALS Worldwide"))
    website: str = field(metadata=_value("Our website.", "https://www.example.org"))
    phone: str = field(metadata=_value("The telephone number to call.", "1-608-663-0920"))
    postal_address: str = field(
        metadata=_value("Our postal address.", "5808 Dawley Drive, Fitchburg, WI 53711-7209, USA")
    )
    profile_form_url: str = field(
        metadata=_value("Where the Online Profile Form is.", "https://www.example.org/profile")
    )
    hours_to_answer: int = field(metadata=_value("Within how many hours a person answers.", 48))
    received_date: str = field(
        metadata=_value("The day on which the letter came, as one writes it.", "2 March 2026")
    )
    first_name: str = field(
        default="", metadata=_value("The writer's first name; often empty.", "Rosa")
    )
    is_first_contact: bool = field(
        default=False,
        metadata=_value("Yes if we never heard from this address before; else no.", True),
    )
    article_title: str = field(
        default="",
        metadata=_value(
            "Title of our own article on a medicine that the letter names; often empty.",
            "Mexiletine Hydrochloride May Relieve Cramping",
        ),
    )
    article_date: str = field(
        default="", metadata=_value("The day of that article; often empty.", "2 February 2015")
    )
    article_url: str = field(
        default="",
        metadata=_value(
            "Where that article is; often empty.", "https://www.example.org/articles/1"
        ),
    )


VARIABLE_NAMES = tuple(variable.name for variable in fields(Variables))


@dataclass(frozen=True, slots=True)
class Filled:
    """A template with its values in: what one language of an acknowledgement says."""

    subject: str
    text: str
    html: str


def problems(source: str, *, html: bool = False, name: str = "") -> tuple[TemplateProblem, ...]:
    """Return everything an administrator must mend before the template can be used.

    `name` adds what this template must contain. What depends on the words that come out
    (the guard, the sample people) is checked by `reply.checks`.
    """
    source = source.replace("\r\n", "\n").replace("\r", "\n")
    if not _COMMENT.sub("", source).strip():
        return (TemplateProblem(1, 1, "The template is empty.", "Write the text of the reply."),)
    from inboxbot.reply import syntax  # With Jinja2, which only who looks into a template needs.

    found = list(syntax.syntax_problems(source, VARIABLE_NAMES, html=html))
    if len(source) <= MAX_SOURCE:
        found += markup.problems(source) if html else _text_problems(source, name)
    return tuple(sorted(set(found)))


def render(
    source: str, variables: Variables, *, html: str | None = None, language: str = "en"
) -> Filled:
    """Return subject, text and HTML; without an HTML source, it is made from the text.

    Raises TemplateError for a source that `problems` would refuse and for one that comes
    out too long. The cost is bounded by what the language allows: no loops, no calls, no
    arithmetic, a limited number of tags.
    """
    values = asdict(variables)
    if language in RIGHT_TO_LEFT:
        # Without a mark the parts of a number written with hyphens change places in Arabic.
        for name in ("phone", "postal_address"):
            values[name] = _LEFT_TO_RIGHT_MARK + values[name]
    text = fill(source, values, html=False)
    head, _, body = text.lstrip().partition("\n")
    if not head.startswith(_SUBJECT):
        raise TemplateError("The template has no subject line.")
    subject = " ".join(head.removeprefix(_SUBJECT).split())
    body = re.sub(r"[ \t]+\n", "\n", body.strip() + "\n")
    body = re.sub(r"\n{3,}", "\n\n", body)
    page = markup.from_text(body) if html is None else fill(html, values, html=True).strip()
    return Filled(subject, body, page)


def _text_problems(source: str, name: str) -> list[TemplateProblem]:
    """Check the subject line and what a template of this name must use."""
    found = []
    blank = _COMMENT.sub(lambda match: "\n" * match.group().count("\n"), source)
    at = len(blank) - len(blank.lstrip())
    line_number = blank.count("\n", 0, at) + 1
    line = blank[at:].partition("\n")[0]
    subject = line.removeprefix(_SUBJECT).strip()
    without_name = re.sub(r"\{\{-?\s*organisation\s*-?\}\}", "", subject)
    if not line.startswith(_SUBJECT):
        found.append(
            TemplateProblem(
                line_number, 1, "The first line is not a subject.", "Begin with “Subject: …”."
            )
        )
    elif not subject:
        found.append(TemplateProblem(line_number, 9, "The subject is empty.", ""))
    elif "{" in without_name:
        column = line.index("{") + 1
        hint = "Only {{ organisation }} may stand in the subject."
        found.append(TemplateProblem(line_number, column, "The subject must be fixed.", hint))
    elif len(subject) > MAX_SUBJECT:
        message = f"The subject is longer than {MAX_SUBJECT} characters."
        found.append(TemplateProblem(line_number, MAX_SUBJECT + 10, message, "Make it shorter."))
    last = source.rstrip().count("\n") + 1
    if line.startswith(_SUBJECT) and not blank[at:].partition("\n")[2].strip():
        found.append(TemplateProblem(last, 1, "There is no text after the subject.", ""))
    for variable, what in _required(name):
        if not re.search(rf"\{{\{{[^}}]*\b{variable}\b", source):
            found.append(
                TemplateProblem(last, 1, f"{what} is missing.", f"Add {{{{ {variable} }}}}.")
            )
    if name in ("bereavement", "short_bereavement") and (
        match := re.search(r"\bprofile_form_url\b", source)
    ):
        line_number, column = place(source, match.start())
        message = "A letter to the bereaved never asks anyone to fill in a form."
        found.append(TemplateProblem(line_number, column, message, "Take the form out."))
    return found


def _required(name: str) -> tuple[tuple[str, str], ...]:
    """Return the values that a template must use, each with its word for the message."""
    phone = ("phone", "The telephone number")
    organisation = ("organisation", "The name of the organisation")
    hours = ("hours_to_answer", "When a person will answer")
    form = ("profile_form_url", "The link to the Online Profile Form")
    if name in SHORT_NAMES:
        return (phone,)
    if name == "profile_request":
        return (phone, organisation, hours, form)
    if name in ("medication_question", "general_inquiry"):
        return (phone, organisation, hours)
    return (phone, organisation) if name in NAMES else ()


@lru_cache(maxsize=512)
def _compiled(source: str, html: bool) -> "Template":
    from inboxbot.reply import syntax

    found = syntax.syntax_problems(source, VARIABLE_NAMES, html=html)
    if found:
        raise TemplateError(f"The template cannot be used: line {found[0].line}.")
    return (syntax.HTML if html else syntax.TEXT).from_string(source)


def fill(source: str, values: dict[str, str | int | bool], *, html: bool) -> str:
    """Return a source with its values in; raises TemplateError for one that cannot be used."""
    from jinja2 import TemplateError as Jinja2Error

    try:
        filled = _compiled(source, html).render(values)
    except (Jinja2Error, ArithmeticError, LookupError, TypeError, ValueError) as error:
        raise TemplateError("The template cannot be filled.") from error
    if len(filled) > MAX_OUTPUT:
        raise TemplateError(f"The reply would be longer than {MAX_OUTPUT} characters.")
    return filled
