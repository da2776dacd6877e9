"""What the local part of an address tells: a person's, a machine's, one that nobody reads.

Only the address counts, never the display name, and a word counts only as a whole: neither
`noel.reply` nor `groot` is a machine.
"""

import re

_NOT = (
    r"(?:please|bitte)?"
    r"(?:do[-._]?not|don'?t|no|not|ne[-._]?pas|nicht|nao|não|non|niet|inte|ikke|ei|nie)"
)
_REPLY = (
    r"(?:reply|replies|replyto|replay|respond|response|answer|repondre|répondre|reponse|antworten|"
    r"antwort|responder|responda|responde|respuesta|resposta|rispondere|rispondi|risposta|"
    r"antwoorden|beantwoorden|svara|svar|svare|vastaa|odpowiadaj|odpowiadac)"
)
# Where the verb comes first, or the words are others; with or without a separator between them.
_OTHERWISE = (
    "svara inte", "svara ej", "svar ikke", "inget svar", "älä vastaa", "ala vastaa",
    "ei vastausta", "no contestar", "no conteste", "sin respuesta", "sem resposta",
    "sans réponse", "sans reponse", "pas de réponse", "pas de reponse", "keine antwort",
    "keine antworten", "niet reageren", "geen antwoord", "neodpovídejte", "neodpovidejte",
    "neodpovedajte", "ne válaszoljon", "ne valaszoljon", "nu răspundeți", "nu raspundeti",
    "yanıtlamayın", "yanitlamayin", "cevaplamayın", "cevaplamayin", "не отвечать", "ne otvechat",
    "jangan balas",
)  # fmt: skip
_WORDS = "|".join(words.replace(" ", "[-._]?") for words in _OTHERWISE)
_NO_REPLY = re.compile(rf"(?:^|[-._])(?:{_NOT}[-._]{{0,3}}{_REPLY}|{_WORDS})\d*(?:$|[-._])")
_UNREAD = re.compile(
    r"(?:^|[-._])(?:unmonitored|unattended|devnull|dev-null|no-?mailbox)(?:$|[-._])"
)

_SYSTEM = frozenset({
    "mailer-daemon", "mailerdaemon", "daemon", "root", "listserv", "listproc", "majordomo",
    "mailman", "sympa", "www-data", "nobody", "uucp", "bounce", "bounces", "postmaster",
    "autoreply", "auto-reply", "autoresponder", "auto-responder",
})  # fmt: skip
_BOUNCE = re.compile(r"bounces?[-._=].*")
_LIST = re.compile(r"owner-.*|.*-(?:owner|request|bounces?)")

_NOT_A_PERSON = frozenset({
    "account", "accounts", "admin", "administrator", "alarm", "alarms", "alert", "alerts", "api",
    "app", "application", "appointments", "apps", "auto", "automail", "automated", "automatic",
    "autoreply", "autoresponder", "backup", "backups", "billing", "booking", "bookings", "bot",
    "bots", "build", "campaign", "campaigns", "ci", "client", "clients", "confirm",
    "confirmation", "confirmations", "contact", "copier", "crm", "cron", "customer",
    "customercare", "customers", "customerservice", "daily", "data", "delivery", "deploy", "desk",
    "device", "digest", "dispatch", "donations", "donotreply", "dynamics", "email", "events",
    "fax", "feedback", "hello", "help", "helpdesk", "helpline", "hotline", "hr", "hubspot",
    "info", "information", "invoice", "invoices", "invoicing", "it", "itsm", "itsupport",
    "jenkins", "jira", "lab", "laboratory", "list", "lists", "logger", "machine", "mail",
    "mailbot", "mailer", "mailing", "maintenance", "marketing", "members", "membership",
    "message", "messages", "messenger", "monitor", "monitoring", "nagios", "network", "news",
    "newsletter", "newsletters", "notice", "notices", "notification", "notifications", "notifier",
    "notify", "office", "online", "operations", "ops", "order", "orders", "payments", "portal",
    "printer", "process", "processing", "receipt", "receipts", "registration", "reminder",
    "reminders", "report", "reporter", "reporting", "reports", "request", "requests", "results",
    "robot", "sales", "salesforce", "scanner", "scheduler", "security", "sensor", "server",
    "service", "servicedesk", "servicenow", "services", "shipping", "shop", "site", "smtp",
    "software", "status", "store", "subscribe", "subscriptions", "support", "survey", "surveys",
    "sys", "sysadmin", "system", "systems", "team", "test", "ticket", "tickets", "tracking",
    "transaction", "transactions", "update", "updates", "verify", "voicemail", "warning",
    "warnings", "watchdog", "webform", "webmaster", "webserver", "website", "weekly", "workflow",
    "www", "zabbix", "zapier",
})  # fmt: skip
_TOKENS = re.compile(r"[-._]|\d+")
# Here people have numbers.
_NUMBERED = frozenset({"qq.com", "163.com", "126.com", "139.com", "189.cn"})
_RANDOM = re.compile(r"[0-9a-f]{16,}|\d{8,}|.*=.*")


def _local(address: str) -> str:
    return address.rpartition("@")[0].lower().strip('"')


def nobody_reads(address: str) -> bool:
    """Say whether an address says of itself that nobody reads it (`noreply@`)."""
    local = _local(address).partition("+")[0]
    return bool(_NO_REPLY.search(local) or _UNREAD.search(local))


def is_system(address: str) -> bool:
    """Say whether an address belongs to a mail system or a mailing list program (RFC 5230, 4.6)."""
    local = _local(address).partition("+")[0]
    return local in _SYSTEM or any(p.fullmatch(local) is not None for p in (_LIST, _BOUNCE))


def is_list_envelope(address: str) -> bool:
    """Say whether an envelope sender is that of a mailing list program."""
    return _LIST.fullmatch(_local(address).partition("+")[0]) is not None


def looks_like_a_person(address: str) -> bool:
    """Say whether an address looks like a person's, and not like a desk's or a program's."""
    local = _local(address)
    if local.isdigit() and address.rpartition("@")[2].lower() in _NUMBERED:
        return True
    if not local or _RANDOM.fullmatch(local) or nobody_reads(address) or is_system(address):
        return False
    words = [word for word in _TOKENS.split(local.partition("+")[0]) if word]
    return bool(words) and _NOT_A_PERSON.isdisjoint(words)
