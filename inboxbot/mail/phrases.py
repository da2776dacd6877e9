"""The fixed words that mail programs write when no header says what they are.

Each is written by a product, not by people, and counts only where the product writes it: at
the start of a subject, with the delimiter.
"""


def folded(words: str) -> str:
    """Return words as they are compared here: one line, without case, with plain colons.

    The Turkish letters `İ` and `ı` count as `i`: a program may have changed their case.
    """
    words = words.casefold().replace("i\u0307", "i").replace("ı", "i").replace("\uff1a", ":")
    return " ".join(words.split())


def _all_folded(*words: str) -> tuple[str, ...]:
    return tuple(map(folded, words))


# Followed by a colon: Outlook and Exchange, Gmail, Lotus Notes, GroupWise, Zimbra, QQ, Naver.
AUTO_REPLY_SUBJECTS = _all_folded(
    "automatic reply", "auto reply", "auto-reply", "autoreply", "automated reply",
    "automatic response", "auto response", "auto-response", "autoresponse", "automated response",
    "autoresponder", "autoresponder reply",
    "out of office", "out of the office", "out of office autoreply", "out of office reply",
    "out-of-office", "vacation reply", "vacation response", "away from office",
    "abwesenheitsnotiz", "automatische abwesenheitsnotiz", "abwesenheitsmeldung",
    "automatische antwort", "autoantwort", "abwesenheit", "nicht im büro",
    "réponse automatique", "réponse automatique d'absence", "absence du bureau",
    "absent du bureau", "message d'absence",
    "respuesta automática", "fuera de la oficina", "fuera de oficina", "resposta automàtica",
    "automatisch antwoord", "automatisch bericht", "afwezigheidsbericht",
    "risposta automatica", "fuori sede", "fuori ufficio",
    "resposta automática", "ausência temporária", "fora do escritório",
    "automatyczna odpowiedź", "odpowiedź automatyczna", "autoodpowiedź", "nieobecność",
    "autosvar", "automatiskt svar", "automatisk svar", "frånvaro", "fraværsmelding",
    "automaattinen vastaus", "poissaoloviesti",
    "автоответ", "автоматический ответ", "автоматична відповідь", "автоматичен отговор",
    "аутоматски одговор", "automaatvastus", "automātiska atbilde", "automatinis atsakymas",
    "automatická odpověď", "automatická odpoveď", "automatikus válasz", "házon kívül",
    "răspuns automat", "samodejni odgovor", "automatski odgovor", "αυτόματη απάντηση",
    "otomatik yanıt", "otomatik cevap", "balasan otomatis", "balasan automatik", "trả lời tự động",
    "ตอบกลับอัตโนมัติ", "การตอบกลับอัตโนมัติ", "رد تلقائي", "الرد التلقائي", "پاسخ خودکار",
    "תשובה אוטומטית", "מענה אוטומטי", "स्वचालित उत्तर", "स्वचालित प्रत्युत्तर",
    "自動返信", "自動応答", "不在通知", "自动回复", "自动答复", "自動回覆",
    "자동 회신", "자동 응답", "부재중",
)  # fmt: skip

# Some responders write only this; so do people, about their car.
DOUBTFUL_SUBJECTS = _all_folded("auto")

OUT_OF_OFFICE_END = "is out of the office"

BOUNCE_SUBJECTS = _all_folded(
    "mail delivery failed", "mail delivery failure", "delivery failure", "delivery status",
    "delivery report", "undelivered mail", "undelivered", "undeliverable", "failure notice",
    "returned mail", "returned to sender", "message could not be delivered", "mail system error",
    "warning: could not send message", "delivery incomplete", "delivery has failed",
    "unzustellbar", "nicht zustellbar", "zustellung fehlgeschlagen", "nachricht nicht zugestellt",
    "non remis", "non délivrable", "échec de la remise", "message non distribué",
    "no se puede entregar", "no entregado", "error en la entrega", "correo no entregado",
    "mancato recapito", "impossibile recapitare", "consegna non riuscita", "non recapitabile",
    "niet bezorgbaar", "onbestelbaar", "kan niet worden bezorgd",
    "não entregue", "não foi possível entregar", "falha na entrega",
    "niedostarczone", "niedostarczalne", "nie można dostarczyć",
    "oleveransbart", "kunde inte levereras", "ikke leveret", "kan ikke leveres", "ikke levert",
    "toimitus epäonnistui", "не доставлено", "недоставленное", "недоставка",
    "配信不能", "配信できません", "送信エラー", "退信", "系统退信", "退回", "无法投递",
    "배달되지 않음", "배달 실패", "반송",
    "teslim edilemedi", "nedoručitelné", "kézbesíthetetlen",
)  # fmt: skip

# Some of these stands in the first lines of every bounce that such a program writes.
BOUNCE_WORDS = _all_folded(
    "mail system", "mail delivery", "delivery", "deliver", "undeliverable", "recipient",
    "postfix", "qmail", "exim", "mailer", "automatically", "bounce",
    "zugestellt", "zustell", "automatisch", "empfänger",
    "remis", "remettre", "distribu", "destinataire", "entreg", "destinatari",
    "recapit", "consegn", "bezorg", "ontvanger", "dostarcz", "doręcz", "leverer", "levere",
    "toimit", "достав", "配信", "送信", "配達", "投递", "退信", "收件人", "배달", "수신",
)  # fmt: skip

DSN_FIELDS = (
    "reporting-mta:", "final-recipient:", "diagnostic-code:", "action: failed", "remote-mta:",
    "original-recipient:", "remote host said:",
)  # fmt: skip

# Subject of a receipt, and the words of its fixed body: both must agree.
RECEIPT_SUBJECTS = _all_folded(
    "read:", "not read:", "read receipt:", "gelesen:", "ungelesen gelöscht:", "lesebestätigung:",
    "lu :", "lu:", "non lu :", "leído:", "no leído:", "letto:", "non letto:", "gelezen:",
    "niet gelezen:", "lida:", "lido:", "não lida:", "przeczytane:", "läst:", "læst:", "lest:",
    "luettu:", "прочитано:", "přečteno:", "開封済み:", "已读:", "已讀:", "읽음:",
)  # fmt: skip
RECEIPT_WORDS = _all_folded(
    "was read on", "was deleted without being read", "has been displayed", "was opened on",
    "wurde gelesen am", "ungelesen gelöscht", "a été lu", "a été supprimé sans",
    "fue leído", "se leyó", "ha sido leído", "se eliminó sin leer", "è stato letto",
    "è stato eliminato senza", "is gelezen op", "is verwijderd zonder", "foi lida", "foi lido",
    "foi excluída sem", "zostało przeczytane", "została przeczytana", "lästes", "blev læst",
    "ble lest", "luettiin", "прочитано", "bylo přečteno", "に開封されました", "已于", "읽었습니다",
)  # fmt: skip

CHALLENGE_SUBJECTS = _all_folded(
    "verify that you are human", "please confirm your message", "please verify your email",
    "confirm that you are human", "sender verification required", "challenge response",
)  # fmt: skip
