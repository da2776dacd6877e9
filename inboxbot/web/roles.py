"""Which role may open which page: one table, read by the guard and by the tests.

What is not in the table is denied. Pages in `OPEN` are for everybody, signed in or not.
"""

from inboxbot.store.users import Role

STAFF = frozenset({Role.STAFF, Role.ADMINISTRATOR})
ADMINISTRATORS = frozenset({Role.ADMINISTRATOR})
AUDITORS = frozenset({Role.AUDITOR, Role.ADMINISTRATOR})
EVERYBODY = frozenset(Role)

OPEN = frozenset(
    {
        "static",
        "auth.sign_in",
        "auth.welcome",
        "auth.enter",
        "app.alive",
    }
)

# While a sign-in is not complete, only these.
BEFORE_CODE = frozenset({"auth.code", "auth.sign_out"})
BEFORE_FACTOR = frozenset({"account.factor", "auth.sign_out"})

# What a page asks by itself: it keeps no session alive.
BY_ITSELF = frozenset({"auth.left", "letter.presence", "queue.news", "templates.presence"})

ROLES: dict[str, frozenset[Role]] = {
    "app.start": EVERYBODY,
    "app.help_page": EVERYBODY,
    "auth.code": EVERYBODY,
    "auth.sign_out": EVERYBODY,
    "auth.left": EVERYBODY,
    "auth.stay": EVERYBODY,
    "account.settings": EVERYBODY,
    "account.preferences": EVERYBODY,
    "account.own_keys": EVERYBODY,
    "account.password": EVERYBODY,
    "account.factor": EVERYBODY,
    "account.end_session": EVERYBODY,
    "account.end_sessions": EVERYBODY,
    "confirming.confirm": EVERYBODY,
    "queue.letters": STAFF,
    "queue.news": STAFF,
    "queue.search": STAFF,
    "queue.bulk": STAFF,
    "queue.save_view": STAFF,
    "queue.remove_view": STAFF,
    "queue.undo": STAFF,
    "letter.show": STAFF,
    "letter.act": STAFF,
    "letter.presence": STAFF,
    "files.formatted_page": STAFF,
    "files.download": STAFF,
    "files.attachment": STAFF,
    "answer.send": STAFF,
    "answer.draft": STAFF,
    "answer.discard": STAFF,
    "person.listed": STAFF,
    "person.show": STAFF,
    "person.change": STAFF,
    "person.link": STAFF,
    "person.unlink": STAFF,
    "person.note": STAFF,
    "snippets.listed": STAFF,
    "snippets.save": STAFF,
    "snippets.refuse": STAFF,
    "snippets.approve": ADMINISTRATORS,
    "snippets.remove": ADMINISTRATORS,
    "templates.listed": ADMINISTRATORS,
    "templates.edit": ADMINISTRATORS,
    "templates.save": ADMINISTRATORS,
    "templates.discard": ADMINISTRATORS,
    "templates.mend": ADMINISTRATORS,
    "templates.preview": ADMINISTRATORS,
    "templates.as_file": ADMINISTRATORS,
    "templates.presence": ADMINISTRATORS,
    "versions.review": ADMINISTRATORS,
    "versions.publish": ADMINISTRATORS,
    "versions.both": ADMINISTRATORS,
    "versions.choose": ADMINISTRATORS,
    "versions.history": ADMINISTRATORS,
    "versions.roll_back": ADMINISTRATORS,
    "versions.what_if": ADMINISTRATORS,
    "trying.ask": ADMINISTRATORS,
    "trying.prove": ADMINISTRATORS,
    "trying.send": ADMINISTRATORS,
    "audit.show": AUDITORS,
    "audit.download": AUDITORS,
    "reports.show": EVERYBODY,
    "reports.download": AUDITORS,
    "settings.show": ADMINISTRATORS,
    "settings.retention_page": ADMINISTRATORS,
    "going_live.show": ADMINISTRATORS,
    "going_live.approve": ADMINISTRATORS,
    "going_live.test": ADMINISTRATORS,
    "going_live.go": ADMINISTRATORS,
    "going_live.back_to_shadow": ADMINISTRATORS,
    "team.listed": ADMINISTRATORS,
    "team.add": ADMINISTRATORS,
    "team.end_everybodys_sessions": ADMINISTRATORS,
    "team.show": ADMINISTRATORS,
    "team.change_role": ADMINISTRATORS,
    "team.limit": ADMINISTRATORS,
    "team.disable": ADMINISTRATORS,
    "team.reset": ADMINISTRATORS,
    "team.remove_factor": ADMINISTRATORS,
    "team.end_sessions": ADMINISTRATORS,
    "privacy.show": ADMINISTRATORS,
    "privacy.export": ADMINISTRATORS,
    "privacy.hold": ADMINISTRATORS,
    "privacy.look": ADMINISTRATORS,
    "privacy.erasure": ADMINISTRATORS,
    "privacy.erase": ADMINISTRATORS,
    "admin.health_page": EVERYBODY,
    "admin.diagnostics_file": ADMINISTRATORS,
    "admin.pause": STAFF,
    "admin.resume": ADMINISTRATORS,
}


def allowed(endpoint: str | None, role: Role) -> bool:
    """Say whether a role may open a page."""
    return endpoint in OPEN or role in ROLES.get(endpoint or "", frozenset())
