"""What a person is to do about the error of a token server: a sentence that tells what to click.

Pure. Codes are from RFC 6749 (section 5.2), RFC 8628 (section 3.5), and Microsoft's own list of
AADSTS codes; `{where}` is the provider's page, `{mailbox}` the mailbox. Nothing else of what a
server says is shown: it may name people.
"""

import re

_MICROSOFT_CODE = re.compile(r"AADSTS(\d{4,8})")
_ERROR_CODE = re.compile(r"[a-z_]{1,40}")
# What passes by itself, or by waiting.
TEMPORARY = frozenset({"temporarily_unavailable", "server_error", "slow_down", "internal_failure"})

_LOGIN = "run `inboxbot login {mailbox}` and allow it again"
_CONSENT = "in {where} → API permissions, click “Grant admin consent”, then " + _LOGIN
_IN_PLACE = "in {where} → Certificates & secrets, click “New client secret”, and put its value "
_ACCESS = "in entra.microsoft.com → Protection → Conditional Access, "
_FACTOR = "The account now asks for a second factor: " + _LOGIN + "."

SENTENCES = {
    "invalid_grant": "The permission has ended or was taken back: " + _LOGIN + ".",
    "invalid_client": "The client id or secret is wrong or has ended: in {where}, make a new "
    "secret and put it in place of the credential named in [mailbox.oauth].",
    "deleted_client": "The client was deleted: in {where}, make another one, and put its id and "
    "secret into [mailbox.oauth].",
    "unauthorized_client": "The registration may not be used this way: in {where}, allow the "
    "grant that [mailbox.oauth] names.",
    "unsupported_grant_type": "The provider does not know the grant: set another `grant` in "
    "[mailbox.oauth].",
    "invalid_request": "The provider did not understand the request: compare the addresses and "
    "the scope in [mailbox.oauth] with the provider's documentation.",
    "invalid_scope": "The registration lacks the permission for mail: in {where}, add it and let "
    "an administrator consent, then " + _LOGIN + ".",
    "access_denied": "The permission was refused: " + _LOGIN + ", with an account that may.",
    "expired_token": "The code was not typed in time: run `inboxbot login {mailbox}` once more.",
    "redirect_uri_mismatch": "The client is not of the type “Desktop app”: in {where}, make one "
    "that is, and put its id and secret into [mailbox.oauth].",
    "admin_policy_enforced": "Your organisation blocks the application: in admin.google.com → "
    "Security → API controls → App access control, trust its client id.",
    "org_internal": "The account is not of the organisation that the application is for: "
    + _LOGIN
    + ", with an account that is.",
    "interaction_required": "The provider wants to see a person: " + _LOGIN + ".",
    "consent_required": "Nobody has consented: " + _LOGIN + ".",
    "login_required": "The session has ended: " + _LOGIN + ".",
}

GOOGLE = {
    "invalid_grant": "The permission has ended or was taken back: " + _LOGIN + ". If it ends every "
    "seven days, the application is in testing: in {where} → Audience, choose “Internal”. A new "
    "password of the account ends it, too.",
}

MICROSOFT = {
    "50020": "The account is of another organisation: " + _LOGIN + ", with one of this tenant.",
    "50034": "There is no such account in this tenant: compare `tenant` in [mailbox.oauth] with "
    "{where} → Overview.",
    "50053": "The account is locked after too many attempts: unlock it, then " + _LOGIN + ".",
    "50055": "The password of the account has ended: choose a new one, then " + _LOGIN + ".",
    "50057": "The account is disabled: in admin.microsoft.com → Users → Active users, unblock its "
    "sign-in, then " + _LOGIN + ".",
    "50072": _FACTOR,
    "50074": _FACTOR,
    "50076": _FACTOR,
    "50079": _FACTOR,
    "50078": _FACTOR,
    "50105": "The account is not assigned to the application: in entra.microsoft.com → Enterprise "
    "applications → the application → Users and groups, add it.",
    "50158": _FACTOR,
    "50173": "The password of the account was changed: " + _LOGIN + ".",
    "50194": "The application is for one tenant: set `tenant` in [mailbox.oauth] to its id, as "
    "{where} → Overview shows it.",
    "500011": "The application asks for a mail service that the tenant does not have: see that "
    "Exchange Online is licensed, and that `scope` in [mailbox.oauth] is empty.",
    "53000": "The policy wants a managed device: " + _ACCESS + "except this application.",
    "53001": "The policy wants a joined device: " + _ACCESS + "except this application.",
    "53003": "A Conditional Access policy forbids it: " + _ACCESS + "except this application or "
    "this machine.",
    "65001": "Nobody has consented: " + _CONSENT + ".",
    "65004": "The permission was refused: " + _LOGIN + ", and click “Accept”.",
    "70000": "The permission has ended or was taken back: " + _LOGIN + ".",
    "70008": "The permission was unused for too long: " + _LOGIN + ".",
    "70011": "The scope is not one of Microsoft's: leave `scope` in [mailbox.oauth] empty.",
    "70016": "The code was not typed in time: run `inboxbot login {mailbox}` once more.",
    "70043": "A policy limits how long a sign-in lasts: " + _ACCESS + "except this application "
    "from the sign-in frequency, then " + _LOGIN + ".",
    "700016": "The application is not known in this tenant: compare `client_id` and `tenant` "
    "with {where} → Overview.",
    "700082": "The permission was unused for too long: " + _LOGIN + ".",
    "7000112": "The application is disabled: in entra.microsoft.com → Enterprise applications → "
    "the application → Properties, set “Enabled for users to sign-in” to Yes.",
    "7000215": "The client secret is wrong: " + _IN_PLACE + "(not its id) in place of the "
    "credential.",
    "7000222": "The client secret has ended: " + _IN_PLACE + "in place of the credential.",
    "7000218": "The registration is not a public one: in {where} → Authentication, set “Allow "
    "public client flows” to Yes, or set `credential` in [mailbox.oauth].",
    "90002": "There is no such tenant: compare `tenant` in [mailbox.oauth] with {where} → "
    "Overview.",
    "90094": "An administrator must consent: " + _CONSENT + ".",
    "90095": "An administrator must consent: " + _CONSENT + ".",
    "900023": "This is no id or domain of a tenant: compare `tenant` in [mailbox.oauth] with "
    "{where} → Overview.",
}  # fmt: skip


def code_of(said: str) -> str:
    """Return the error code that a server said, or "unknown" where it is none."""
    return said if _ERROR_CODE.fullmatch(said) else "unknown"


def sentence(provider: str, where: str, mailbox: str, code: str, description: str) -> str:
    """Return what happened and what to do, for a code from `code_of`."""
    found = _MICROSOFT_CODE.search(description)
    own = MICROSOFT.get(found[1]) if found else None
    own = own or (GOOGLE.get(code) if provider == "Google" else None)
    text = own or SENTENCES.get(code) or "Look at the registration in {where}, then " + _LOGIN + "."
    detail = found[0] if found else code
    return f"{provider} gives no token ({detail}). {text.format(where=where, mailbox=mailbox)}"
