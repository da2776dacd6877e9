"""What is answered in place of a page: a code for the script, a page of ours for everybody else.

Whoever was signed out while they wrote gets their words back.
"""

from flask import g, jsonify, render_template, request, url_for
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from inboxbot.store.users import Stage
from inboxbot.web import roles
from inboxbot.web.site import me, session

# Forms that bring words of a person, and what the button says that brings them again.
_WORDS = {
    "answer.send": "Keep for later",
    "letter.act": "Add note",
    "person.note": "Add note",
    "snippets.save": "Save",
}
# An answer comes back as a draft: it is sent from the page of its letter.
_NOT_AGAIN = ("form_token", "text", "keep", "anyway")


def answer(error: HTTPException) -> Response | tuple[str, int]:
    """Return what to say of an error."""
    code = error.code or 500
    if _of_the_script():
        response = jsonify(error=code)
        response.status_code = code
        return response
    button = _WORDS.get(request.endpoint or "")
    if code in (401, 403) and button is not None and may_have_words_back():
        again = [each for each in request.form.items(multi=True) if each[0] not in _NOT_AGAIN]
        return render_template("kept.html", again=again, button=button, **whose()), code
    letter = (request.view_args or {}).get("letter")
    target = None if letter is None else url_for("letter.show", letter=letter)
    return render_template("error.html", code=code, target=target), code


def may_have_words_back() -> bool:
    """Say whether a form brought words, and from a page of ours: a forged one is never shown."""
    ours = request.headers.get("Sec-Fetch-Site") == "same-origin"
    if not ours or "text" not in request.form:
        return False
    return not whose()["signed_in"] or roles.allowed(request.endpoint, me().role)


def whose() -> dict[str, bool]:
    """Return for a page whether somebody is signed in by now."""
    return {"signed_in": g.get("session") is not None and session().stage is Stage.OPEN}


def _of_the_script() -> bool:
    headers = request.headers
    return "X-Form-Token" in headers or headers.get("Sec-Fetch-Mode") == "cors"
