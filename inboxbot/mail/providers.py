"""Mail providers that half the world writes from: their domain is nobody's own.

The limit for a domain does not count there; the limits for an address and for all do. Nor do
two addresses there belong to one organisation.
"""

LARGE_PROVIDERS = frozenset({
    "gmail.com", "googlemail.com", "outlook.com", "hotmail.com", "live.com", "msn.com",
    "yahoo.com", "ymail.com", "aol.com", "icloud.com", "me.com", "mac.com", "proton.me",
    "protonmail.com", "gmx.de", "gmx.net", "gmx.at", "gmx.ch", "web.de", "t-online.de",
    "freenet.de", "mail.ru", "yandex.ru", "yandex.com", "bk.ru", "inbox.ru", "list.ru",
    "orange.fr", "free.fr", "laposte.net", "wanadoo.fr", "sfr.fr", "libero.it", "virgilio.it",
    "tiscali.it", "alice.it", "hotmail.fr", "hotmail.es", "hotmail.it", "hotmail.co.uk",
    "outlook.fr", "outlook.de", "outlook.es", "outlook.it", "live.co.uk", "live.fr",
    "yahoo.co.uk", "yahoo.fr", "yahoo.de", "yahoo.es", "yahoo.it", "yahoo.co.jp", "yahoo.com.br",
    "yahoo.co.in", "btinternet.com", "sky.com", "virginmedia.com", "comcast.net", "verizon.net",
    "att.net", "sbcglobal.net", "cox.net", "charter.net", "bellsouth.net", "uol.com.br",
    "bol.com.br", "terra.com.br", "qq.com", "163.com", "126.com", "sina.com", "foxmail.com",
    "naver.com", "daum.net", "hanmail.net", "docomo.ne.jp", "ezweb.ne.jp", "softbank.ne.jp",
    "rediffmail.com", "wp.pl", "o2.pl", "onet.pl", "interia.pl", "seznam.cz", "ziggo.nl",
    "kpnmail.nl", "bigpond.com", "optusnet.com.au", "telstra.com", "shaw.ca", "rogers.com",
    "sympatico.ca", "zoho.com", "fastmail.com", "tutanota.com", "mail.com",
})  # fmt: skip
