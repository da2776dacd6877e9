"""The words by which mail programs mark what the sender did not write, by language.

Plain data for `body.py`, all in lower case: en es fr de pt it nl pl tr ar hi ja zh ru sv da
no fi ko he, and a few neighbours. Adding a language is adding words here.
"""

# "On Monday … Jane wrote:": what stands at or near the end of the line above a quotation.
WROTE = (
    "wrote:", "writes:", "said:", "escribió:", "escribio:", "a écrit :", "a écrit:", "a ecrit :",
    "écrit :", "schrieb:", "schrieb am", "schrieb ", "geschrieben:", "escreveu:", "escreveu ",
    "ha scritto:", "ha scritto ", "scrive:", "schreef:", "schreef ", "geschreven:", "napisał",
    "napisała", "napisał(a)", "pisze:", "yazdı:", "şunu yazdı", "şunları yazdı", "كتب", "كتبت",
    "ने लिखा", "लिखा:", "さんは書きました", "wrote：", "のメール:", "が書きました", "写道", "寫道",
    "寫下", "написал", "написала", "пишет:", "писал", "skrev:", "skrev ", "kirjoitti:",
    "kirjoitti ", "님이 작성", "작성:", "כתב", "כתבה", "‏כתב", "napsal", "írta", "a scris",
    "έγραψε", "пише:", "написав", "đã viết", "menulis", "เขียนว่า", "napísal", "napisao",
)  # fmt: skip

# How such a line begins, where it is broken over two or three lines.
WROTE_OPENS = (
    "on ", "el ", "le ", "le\xa0", "am ", "em ", "il ", "op ", "w dniu", "dnia ", "den ", "в ",
    "في ", "בתאריך", "ב-", "在", "于", "20", "at ", "pada ", "vào ", "dne ", "în ", "στις ",
    "від ", "mon, ", "tue, ", "wed, ", "thu, ", "fri, ", "sat, ", "sun, ", "mo., ", "di., ",
    "mi., ", "do., ", "fr., ", "sa., ", "lun, ", "mar, ", "mer, ", "mié, ", "jue, ", "vie, ",
    "sáb, ", "dom, ", "lun. ", "mar. ", "mer. ", "jeu. ", "ven. ", "sam. ", "dim. ", "пн, ",
    "вт, ", "ср, ", "чт, ", "пт, ", "сб, ", "вс, ", "man. ", "tir. ", "ons. ", "tor. ", "tors. ",
    "fre. ", "lør. ", "søn. ", "ma ", "ti ", "ke ", "pe ", "la ", "su ", "pon., ", "wt., ",
    "śr., ", "czw., ", "pt., ", "sob., ", "niedz., ", "seg., ", "ter., ", "qua., ", "qui., ",
    "sex., ", "dom., ", "gio ", "ven ",
)  # fmt: skip

# A line that announces older mail below it; compared after dashes and stars are taken off.
ORIGINAL = (
    "original message", "original appointment", "forwarded", "forwarded mail", "forwarded message",
    "forwarded by", "begin forwarded message", "start of forwarded message", "reply message",
    "mensaje original", "mensaje reenviado", "inicio del mensaje reenviado", "message d'origine",
    "message d’origine", "message original", "message transféré", "message transmis",
    "début du message réexpédié", "début du message transféré", "ursprüngliche nachricht",
    "originalnachricht", "original-nachricht", "weitergeleitete nachricht",
    "anfang der weitergeleiteten nachricht", "mensagem original", "mensagem encaminhada",
    "início da mensagem reenviada", "messaggio originale", "messaggio inoltrato",
    "inizio messaggio inoltrato", "oorspronkelijk bericht", "doorgestuurd bericht",
    "origineel bericht", "wiadomość oryginalna", "oryginalna wiadomość",
    "treść oryginalnej wiadomości", "wiadomość przekazana dalej", "przekazana wiadomość",
    "orijinal ileti", "orijinal mesaj", "özgün ileti", "yönlendirilmiş ileti", "iletilen mesaj",
    "iletilmiş mesaj", "الرسالة الأصلية", "رسالة معاد توجيهها", "رسالة محوّلة", "الرسالة المحولة",
    "मूल संदेश", "अग्रेषित संदेश", "元のメッセージ", "オリジナルメッセージ", "転送されたメッセージ",
    "転送メッセージ", "original message / 元のメッセージ", "原始邮件", "原邮件", "转发的邮件",
    "转发邮件信息", "已转发邮件", "原始郵件", "轉寄郵件", "轉寄的郵件", "исходное сообщение",
    "оригинальное сообщение", "пересылаемое сообщение", "пересланное сообщение",
    "начало переадресованного сообщения", "ursprungligt meddelande", "vidarebefordrat meddelande",
    "vidarebefordrat brev", "oprindelig meddelelse", "videresendt meddelelse",
    "opprinnelig melding", "videresendt melding", "alkuperäinen viesti", "välitetty viesti",
    "원본 메시지", "원본 메일", "전달된 메시지", "전달된 메일", "הודעה מקורית", "ההודעה המקורית",
    "הודעה שהועברה", "původní zpráva", "eredeti üzenet", "mesaj original", "mesajul original",
    "αρχικό μήνυμα", "вихідне повідомлення",
)  # fmt: skip

# Labels of a header block that a mail program writes above older mail.
FROM = (
    "from", "de", "von", "da", "van", "od", "kimden", "gönderen", "من", "प्रेषक", "से", "差出人",
    "送信者", "发件人", "寄件者", "寄件人", "от", "от кого", "från", "fra", "lähettäjä",
    "보낸사람", "보낸 사람", "מאת", "feladó", "από", "від", "expéditeur", "remitente",
)  # fmt: skip
SENT = (
    "sent", "date", "enviado", "enviado el", "enviado em", "enviada em", "fecha", "envoyé",
    "envoyé le", "gesendet", "datum", "data", "inviato", "verzonden", "wysłano", "wysłane",
    "gönderildi", "gönderilme", "gönderme tarihi", "tarih", "تاريخ الإرسال", "التاريخ", "أرسلت",
    "تاريخ", "भेजा गया", "दिनांक", "तारीख", "送信日時", "日付", "日時", "发送时间", "日期",
    "发送日期", "寄件日期", "傳送時間", "отправлено", "дата", "skickat", "dato", "sendt",
    "lähetetty", "päivämäärä", "päiväys", "보낸 날짜", "날짜", "보낸날짜", "נשלח", "תאריך",
    "odesláno", "elküldve", "dátum", "ημερομηνία", "надіслано",
)  # fmt: skip
TO_OR_SUBJECT = (
    "to", "cc", "subject", "para", "asunto", "assunto", "à", "a", "objet", "an", "betreff",
    "oggetto", "per", "aan", "onderwerp", "do", "temat", "dw", "kime", "konu", "إلى", "الموضوع",
    "प्रति", "विषय", "宛先", "件名", "收件人", "主题", "主旨", "收件者", "кому", "тема", "копия",
    "till", "ämne", "til", "emne", "vastaanottaja", "aihe", "받는사람", "받는 사람", "제목", "אל",
    "נושא", "komu", "předmět", "címzett", "tárgy", "προς", "θέμα", "cópia", "kopie", "copie",
)  # fmt: skip

# Lines that a telephone or a mail program adds by itself.
DEVICE = (
    "sent from my ", "sent from mail for windows", "sent from outlook", "sent from yahoo",
    "sent from proton", "sent via ", "sent with ", "get outlook for ", "get outlook for",
    "sent from the all new aol", "enviado desde mi ", "enviado desde ", "enviado do meu ",
    "enviado a partir ", "envoyé de mon ", "envoyé depuis ", "envoyé à partir ", "obtenez outlook",
    "von meinem ", "gesendet von ", "gesendet mit ", "diese nachricht wurde von meinem",
    "inviato da ", "inviato dal mio", "scarica outlook", "verzonden vanaf ", "verstuurd vanaf ",
    "verzonden met ", "wysłane z ", "wysłano z ", "gönderildi", "iphone'umdan", "ipad'imden",
    "أرسلت من", "أُرسلت من", "مرسل من", "मेरे iphone", "iphoneから送信", "ipadから送信",
    "androidから送信", "发自我的", "從我的", "从我的", "来自我的", "отправлено с ",
    "отправлено из ", "skickat från ", "sendt fra ", "hent outlook", "lähetetty ", "나의 iphone",
    "iphone에서 보냄", "내 iphone", "נשלח מה", "נשלח מ-", "odesláno z ", "trimis de pe ",
    "надіслано з ",
)  # fmt: skip

# How such lines end in languages that put the verb last.
DEVICE_ENDS = (
    "에서 보냄", "から送信", "から送信されました", "dan gönderildi", "den gönderildi",
    "से भेजा गया", "傳送", "發送", "发送",
)  # fmt: skip

# One of these in a line makes it a disclaimer or a notice of the sender's firm.
DISCLAIMER = (
    "intended recipient", "not the named addressee", "intended solely for", "may be privileged",
    "legally privileged", "privileged and confidential", "privileged information",
    "confidential information and", "contains confidential", "contain confidential",
    "confidentiality notice", "delete if you are not", "if received in error",
    "received this message in error", "received this email in error",
    "received this e-mail in error", "communication is confidential",
    "attachment are confidential", "attachments are confidential", "contents may be privileged",
    "no threats found", "e-mail is confidential", "email is confidential",
    "message is confidential", "please consider the environment", "think before you print",
    "this email has been scanned", "virus-free",
    "you received this message because you are subscribed", "to unsubscribe from this group",
    "scanned for viruses", "originated from outside", "external email:", "external sender",
    "destinatario de este", "no es el destinatario", "no sea el destinatario",
    "información confidencial", "aviso de confidencialidad", "antes de imprimir este",
    "destinataire de ce", "n'êtes pas le destinataire", "n’êtes pas le destinataire",
    "message est confidentiel", "confidentiel et", "établi à l'intention", "d'imprimer ce",
    "nicht der richtige adressat", "nicht der vorgesehene empfänger", "nicht der beabsichtigte",
    "vertrauliche und", "vertrauliche informationen", "diese e-mail irrtümlich",
    "diese nachricht ist vertraulich", "diese e-mail ist vertraulich",
    "e-mail irrtümlich erhalten", "não é o destinatário", "não seja o destinatário",
    "informação confidencial", "informações confidenciais", "uso exclusivo do",
    "aviso de confidencialidade", "non siete il destinatario", "non è il destinatario",
    "informazioni riservate", "strettamente riservat", "contiene informazioni confidenziali",
    "d.lgs. 196/2003", "niet de beoogde ontvanger", "niet de geadresseerde",
    "vertrouwelijke informatie", "uitsluitend bestemd voor", "nie jest adresatem",
    "nie są państwo adresatem", "informacje poufne", "wiadomość jest poufna",
    "zawierać informacje poufne", "gizli bilgi", "alıcısı değilseniz", "muhatabı değilseniz",
    "yalnızca gönderildiği", "لست المستلم", "المستلم المقصود", "معلومات سرية",
    "المرسل إليه المقصود", "इच्छित प्राप्तकर्ता", "गोपनीय जानकारी", "गोपनीय है", "本メールに心当たり",
    "機密情報", "秘密情報", "誤って受信", "如您并非", "并非指定收件人", "非指定收件人", "保密信息",
    "机密信息", "如果您不是", "не являетесь адресатом", "не являетесь получателем",
    "конфиденциальную информацию", "конфиденциальная информация", "inte är den avsedda",
    "konfidentiell information", "avsedda mottagaren", "ikke er den rette modtager",
    "fortrolige oplysninger", "fortrolig information", "ikke den rette mottaker",
    "konfidensiell informasjon", "ikke er rette mottaker", "luottamuksellista tietoa",
    "et ole viestin", "oikea vastaanottaja", "기밀 정보", "수신인이 아닌", "수신자가 아닌",
    "מידע חסוי", "אינך הנמען", "אם אינך",
)  # fmt: skip
# How the first line of such a notice begins, where it runs over several lines.
NOTICE_OPENS = (
    "this e-mail", "this email", "this message", "this communication", "the information",
    "the contents", "confidential", "privileged", "notice", "disclaimer", "if you", "este mensaje",
    "este correo", "la información", "ce message", "ce courriel", "cet e-mail", "les informations",
    "diese e-mail", "diese nachricht", "diese mail", "der inhalt", "esta mensagem", "este e-mail",
    "as informações", "questo messaggio", "questa e-mail", "le informazioni", "dit bericht",
    "deze e-mail", "de informatie", "ta wiadomość", "niniejsza wiadomość", "informacje",
    "bu e-posta", "bu ileti", "bu mesaj", "هذه الرسالة", "هذا البريد", "यह ईमेल", "यह संदेश",
    "本メール", "このメール", "本邮件", "此邮件", "это сообщение", "данное сообщение", "настоящее",
    "detta meddelande", "detta mejl", "denne e-mail", "denne meddelelse", "denne e-posten",
    "denne meldingen", "tämä viesti", "tämä sähköposti", "이 메일", "본 메일", "이 이메일",
    "הודעה זו", "דואר זה",
)  # fmt: skip

# Closing words: what follows them in short lines is the signature.
CLOSING = (
    "best", "best regards", "kind regards", "kindest regards", "warm regards", "regards",
    "many thanks", "thanks", "thank you", "thanks in advance", "sincerely", "sincerely yours",
    "yours sincerely", "yours truly", "yours faithfully", "respectfully", "with regards",
    "with kind regards", "cheers", "warmly", "all the best", "best wishes", "with best wishes",
    "saludos", "un saludo", "saludos cordiales", "atentamente", "cordialmente", "gracias",
    "muchas gracias", "cordialement", "bien cordialement", "bien à vous", "salutations",
    "sincères salutations", "merci", "merci d'avance", "mit freundlichen grüßen",
    "mit freundlichen grüssen", "freundliche grüße", "viele grüße", "liebe grüße", "beste grüße",
    "mfg", "vielen dank", "herzliche grüße", "danke", "atenciosamente",
    "com os melhores cumprimentos", "cumprimentos", "obrigado", "obrigada", "abraços",
    "cordiali saluti", "distinti saluti", "saluti", "grazie", "grazie mille",
    "met vriendelijke groet", "met vriendelijke groeten", "vriendelijke groet", "groeten",
    "hartelijke groet", "alvast bedankt", "pozdrawiam", "z poważaniem", "z wyrazami szacunku",
    "dziękuję", "saygılarımla", "saygılar", "teşekkürler", "iyi günler", "sevgiler", "مع التحية",
    "مع خالص التحية", "تحياتي", "شكرا", "شكراً", "مع الشكر", "धन्यवाद", "सादर", "शुभकामनाएं",
    "よろしくお願いします", "よろしくお願いいたします", "敬具", "此致", "谢谢", "谢谢!", "祝好",
    "敬礼", "顺祝商祺", "謝謝", "с уважением", "с наилучшими пожеланиями", "спасибо",
    "med vänliga hälsningar", "vänliga hälsningar", "mvh", "hälsningar", "tack", "venlig hilsen",
    "med venlig hilsen", "mange hilsner", "på forhånd tak", "tak", "vennlig hilsen",
    "med vennlig hilsen", "hilsen", "takk", "ystävällisin terveisin", "terveisin", "kiitos",
    "감사합니다", "고맙습니다", "드림", "올림", "בברכה", "תודה", "בכבוד רב", "s pozdravem",
    "üdvözlettel", "cu stimă", "με εκτίμηση", "з повагою",
)  # fmt: skip

# Labels of a contact form: the one with the letter, and those that are not the letter.
FORM_MESSAGE = (
    "message", "your message", "message body", "comments", "comment", "question", "your question",
    "questions", "enquiry", "inquiry", "how can we help", "how can we help you", "details",
    "mensaje", "su mensaje", "comentarios", "consulta", "votre message", "commentaire",
    "commentaires", "nachricht", "ihre nachricht", "mitteilung", "anfrage", "mensagem",
    "sua mensagem", "messaggio", "il tuo messaggio", "bericht", "uw bericht", "opmerking", "vraag",
    "wiadomość", "treść wiadomości", "treść", "mesaj", "mesajınız", "الرسالة", "رسالتك",
    "نص الرسالة", "संदेश", "आपका संदेश", "メッセージ", "お問い合わせ内容", "内容", "ご相談内容",
    "留言", "消息", "您的留言", "留言内容", "сообщение", "ваше сообщение", "meddelande",
    "ditt meddelande", "besked", "din besked", "meddelelse", "melding", "din melding", "viesti",
    "viestisi", "메시지", "문의 내용", "문의내용", "내용", "הודעה", "תוכן ההודעה", "body", "text",
    "description",
)  # fmt: skip
FORM_FIELDS = (
    "name", "your name", "full name", "first name", "last name", "first", "last", "surname",
    "email", "e-mail", "your email", "email address", "e-mail address", "phone", "telephone",
    "phone number", "tel", "mobile", "subject", "country", "state", "city", "zip", "address", "ip",
    "ip address", "date", "time", "url", "website", "page", "page url", "consent", "lead_source",
    "role", "company", "organization", "organisation", "relationship", "newsletter", "form",
    "from", "referrer", "user agent", "nombre", "apellido", "apellidos", "correo",
    "correo electrónico", "teléfono", "asunto", "país", "ciudad", "nom", "prénom", "courriel",
    "adresse e-mail", "téléphone", "sujet", "objet", "pays", "ville", "vorname", "nachname",
    "e-mail-adresse", "telefon", "betreff", "land", "ort", "nome", "sobrenome", "telefone",
    "assunto", "cidade", "cognome", "telefono", "oggetto", "città", "naam", "voornaam",
    "achternaam", "telefoon", "telefoonnummer", "onderwerp", "imię", "nazwisko", "imię i nazwisko",
    "temat", "kraj", "ad", "adı", "ad soyad", "adınız", "soyad", "e-posta", "konu", "ülke",
    "الاسم", "البريد الإلكتروني", "الهاتف", "رقم الهاتف", "الموضوع", "البلد", "नाम", "ईमेल", "फ़ोन",
    "फोन", "विषय", "お名前", "名前", "氏名", "メールアドレス", "電話番号", "件名", "姓名", "名字",
    "邮箱", "电子邮件", "电话", "手机", "主题", "имя", "фамилия", "почта", "эл. почта", "телефон",
    "тема", "namn", "e-post", "epost", "ämne", "navn", "emne", "mail", "nimi", "sähköposti",
    "puhelin", "aihe", "이름", "이메일", "전화번호", "연락처", "제목", "שם", "שם מלא", "דוא\"ל",
    "אימייל", "טלפון", "נושא",
)  # fmt: skip
FORM_FOOTER = (
    "sent from the website", "this e-mail was sent from", "this email was sent from",
    "this message was sent from", "sent via the contact form", "submitted from",
    "sent from your website", "this mail is sent via", "sent by contact form", "powered by",
    "utm_",
)  # fmt: skip
