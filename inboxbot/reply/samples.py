"""Twelve sample people: a template must read well to each of them before it is used.

Pure. They are invented; what differs is what breaks templates: no name, a long one, one
from right to left, an emoji in the organisation's name, long links, everything filled.
"""

from dataclasses import replace

from inboxbot.frozen import dataclass
from inboxbot.reply.template import Variables


@dataclass(frozen=True, slots=True)
class Sample:
    """A person for previews: who it is in a few words, and what a template would get."""

    label: str
    variables: Variables


_NOBODY = Variables(
    organisation="ALS Worldwide",
    website="https://www.example.org",
    phone="1-608-663-0920",
    postal_address="5808 Dawley Drive, Fitchburg, WI 53711-7209, USA",
    profile_form_url="https://www.example.org/profile",
    hours_to_answer=48,
    received_date="2 March 2026",
)
_LONG_URL = "https://www.example.org/" + "a-very-long-address/" * 9
_ARTICLE = replace(
    _NOBODY,
    article_title="Mexiletine Hydrochloride May Relieve Cramping",
    article_date="2 February 2015",
    article_url="https://www.example.org/articles/mexiletine",
)

SAMPLES = (
    Sample("no name", _NOBODY),
    Sample(
        "first contact, with a name", replace(_NOBODY, first_name="Rosa", is_first_contact=True)
    ),
    Sample("known to us, with a name", replace(_NOBODY, first_name="John")),
    Sample("everything filled", replace(_ARTICLE, first_name="Ana", is_first_contact=True)),
    Sample("an article, no name", _ARTICLE),
    Sample(
        "the longest name", replace(_NOBODY, first_name="Wolfeschlegelsteinhausenbergerdorffabcde")
    ),
    Sample("a name from right to left", replace(_NOBODY, first_name="عبدالرحمن")),
    Sample("a Japanese name", replace(_NOBODY, first_name="美咲")),
    Sample("a name with marks", replace(_NOBODY, first_name="D’Árcy-Zoë")),
    Sample("an emoji in our name", replace(_NOBODY, organisation="ALS 💙 Worldwide")),
    Sample(
        "signs that HTML must escape",
        replace(_NOBODY, organisation="Smith & Sons <Care> “North”", postal_address="1 < 2 & Co"),
    ),
    Sample(
        "long links and values",
        replace(
            _ARTICLE,
            organisation="The International Association of Families and Friends"
            + " and Friends" * 8,
            website=_LONG_URL,
            profile_form_url=_LONG_URL,
            article_url=_LONG_URL,
            article_title="A Long Title About Many Things, " * 6 + "and the End",
            hours_to_answer=240,
        ),
    ),
)
