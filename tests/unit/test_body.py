"""The sender's own words: everything else off, never a word of theirs, in linear time."""

import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inboxbot.mail.body import html_to_text, own_words

REQUEST = "Can my mother take riluzole with milk?"

# What the mail programs of each language write above the mail that is answered.
ATTRIBUTIONS = {
    "en": "On Mon, Mar 2, 2026 at 9:00 AM Support <support@example.org> wrote:",
    "en apple": "On Mar 2, 2026, at 9:00 AM, Support <support@example.org> wrote:",
    "es": "El lun, 2 mar 2026 a las 9:00, Support (<support@example.org>) escribió:",
    "fr": "Le lun. 2 mars 2026 à 09:00, Support <support@example.org> a écrit :",
    "de": "Am Mo., 2. März 2026 um 09:00 Uhr schrieb Support <support@example.org>:",
    "pt": "Em seg., 2 de mar. de 2026 às 09:00, Support <support@example.org> escreveu:",
    "it": "Il giorno lun 2 mar 2026 alle ore 09:00 Support <support@example.org> ha scritto:",
    "nl": "Op ma 2 mrt 2026 om 09:00 schreef Support <support@example.org>:",
    "pl": "pon., 2 mar 2026 o 09:00 Support <support@example.org> napisał(a):",
    "pl 2": "W dniu 2.03.2026 o 09:00, Support pisze:",
    "tr": "Support <support@example.org>, 2 Mar 2026 Pzt, 09:00 tarihinde şunu yazdı:",
    "ar": "في الاثنين، 2 مارس 2026 في 9:00 تمت كتابة ما يلي بواسطة Support <s@example.org>:",
    "ar 2": "في 2 مارس 2026، كتب Support <support@example.org>:",
    "hi": "सोम, 2 मार्च 2026 को 9:00 am बजे को Support <support@example.org> ने लिखा:",
    "ja": "2026年3月2日(月) 9:00 Support <support@example.org>:",
    "zh": "Support <support@example.org> 于2026年3月2日周一 09:00写道：",
    "zh apple": "在 2026年3月2日，上午9:00，Support <support@example.org> 写道：",
    "ru": "пн, 2 мар. 2026 г. в 09:00, Support <support@example.org>:",
    "ru 2": "02.03.2026 09:00, Support пишет:",
    "sv": "Den mån 2 mars 2026 kl 09:00 skrev Support <support@example.org>:",
    "da": "Den man. 2. mar. 2026 kl. 09.00 skrev Support <support@example.org>:",
    "no": "man. 2. mars 2026 kl. 09:00 skrev Support <support@example.org>:",
    "fi": "ma 2. maalisk. 2026 klo 9.00 Support (support@example.org) kirjoitti:",
    "ko": "2026년 3월 2일 (월) 오전 9:00, Support <support@example.org>님이 작성:",
    "he": "‫בתאריך יום ב׳, 2 במרץ 2026 ב-9:00 מאת ‪Support‬‏ <‪support@example.org‬‏>:‬",
    "cs": "po 2. 3. 2026 v 9:00 odesílatel Support <support@example.org> napsal:",
    "uk": "пн, 2 бер. 2026 р. о 09:00 Support <support@example.org> пише:",
}

HEADER_BLOCKS = {
    "en": ("From", "Sent", "To", "Subject"),
    "es": ("De", "Enviado", "Para", "Asunto"),
    "fr": ("De", "Envoyé", "À", "Objet"),
    "de": ("Von", "Gesendet", "An", "Betreff"),
    "pt": ("De", "Enviado", "Para", "Assunto"),
    "it": ("Da", "Inviato", "A", "Oggetto"),
    "nl": ("Van", "Verzonden", "Aan", "Onderwerp"),
    "pl": ("Od", "Wysłano", "Do", "Temat"),
    "tr": ("Kimden", "Gönderildi", "Kime", "Konu"),
    "ar": ("من", "تاريخ الإرسال", "إلى", "الموضوع"),
    "hi": ("प्रेषक", "दिनांक", "प्रति", "विषय"),
    "ja": ("差出人", "送信日時", "宛先", "件名"),
    "zh": ("发件人", "发送时间", "收件人", "主题"),
    "ru": ("От", "Отправлено", "Кому", "Тема"),
    "sv": ("Från", "Skickat", "Till", "Ämne"),
    "da": ("Fra", "Sendt", "Til", "Emne"),
    "fi": ("Lähettäjä", "Lähetetty", "Vastaanottaja", "Aihe"),
    "ko": ("보낸 사람", "보낸 날짜", "받는 사람", "제목"),
    "he": ("מאת", "נשלח", "אל", "נושא"),
}

RULES = {
    "en": "-----Original Message-----",
    "en forward": "---------- Forwarded message ---------",
    "en apple": "Begin forwarded message:",
    "es": "-----Mensaje original-----",
    "fr": "-----Message d'origine-----",
    "fr 2": "---------- Message transféré ---------",
    "de": "-----Ursprüngliche Nachricht-----",
    "de 2": "---------- Weitergeleitete Nachricht ---------",
    "pt": "-----Mensagem original-----",
    "it": "-----Messaggio originale-----",
    "nl": "-----Oorspronkelijk bericht-----",
    "pl": "-----Wiadomość oryginalna-----",
    "tr": "-----Özgün İleti-----".replace("İ", "i"),
    "ar": "-----الرسالة الأصلية-----",
    "hi": "----- मूल संदेश -----",
    "ja": "-----元のメッセージ-----",
    "zh": "------------------ 原始邮件 ------------------",
    "ru": "-----Исходное сообщение-----",
    "sv": "-----Ursprungligt meddelande-----",
    "da": "-----Oprindelig meddelelse-----",
    "no": "-----Opprinnelig melding-----",
    "fi": "-----Alkuperäinen viesti-----",
    "ko": "-----원본 메시지-----",
    "he": "-----הודעה מקורית-----",
}

DEVICES = {
    "en": "Sent from my iPhone",
    "en 2": "Get Outlook for Android",
    "es": "Enviado desde mi iPhone",
    "fr": "Envoyé de mon iPhone",
    "de": "Von meinem iPhone gesendet",
    "pt": "Enviado do meu iPhone",
    "it": "Inviato da iPhone",
    "nl": "Verstuurd vanaf mijn iPhone",
    "pl": "Wysłane z iPhone'a",
    "tr": "iPhone'umdan gönderildi",
    "ar": "أرسلت من الـ iPhone",
    "hi": "मेरे iPhone से भेजा गया",
    "ja": "iPhoneから送信",
    "zh": "发自我的iPhone",
    "ru": "Отправлено с iPhone",
    "sv": "Skickat från min iPhone",
    "da": "Sendt fra min iPhone",
    "fi": "Lähetetty iPhonesta",
    "ko": "나의 iPhone에서 보냄",
    "ko 2": "나의 갤럭시에서 보냄",
    "he": "נשלח מה-iPhone שלי",
}

NOTICES = {
    "en": "This e-mail is confidential and may be legally privileged. If you are not the intended "
    "recipient, destroy it.",
    "es": "Este mensaje contiene información confidencial. Si no es el destinatario, bórrelo.",
    "fr": "Ce message est confidentiel. Si vous n'êtes pas le destinataire, détruisez-le.",
    "de": "Diese E-Mail enthält vertrauliche Informationen. Löschen Sie sie sonst bitte.",
    "pt": "Esta mensagem contém informações confidenciais. Se não é o destinatário, apague-a.",
    "it": "Questo messaggio contiene informazioni riservate e confidenziali.",
    "nl": "Dit bericht bevat vertrouwelijke informatie en is uitsluitend bestemd voor u.",
    "pl": "Ta wiadomość jest poufna i przeznaczona wyłącznie dla adresata.",
    "tr": "Bu e-posta gizli bilgi içerebilir. Alıcısı değilseniz lütfen siliniz.",
    "ar": "هذه الرسالة تحتوي على معلومات سرية. إذا لم تكن المستلم المقصود فاحذفها.",
    "hi": "यह ईमेल गोपनीय है और केवल इच्छित प्राप्तकर्ता के लिए है।",
    "ja": "本メールに心当たりのない場合は削除してください。機密情報が含まれます。",
    "zh": "本邮件含有保密信息，如您并非指定收件人，请删除。",
    "ru": "Это сообщение содержит конфиденциальную информацию.",
    "sv": "Detta meddelande innehåller konfidentiell information.",
    "fi": "Tämä viesti sisältää luottamuksellista tietoa.",
    "ko": "이 메일은 기밀 정보를 포함하고 있습니다.",
    "he": "הודעה זו מכילה מידע חסוי.",
}

FORMS = {
    "en": ("Name", "Email", "Message"),
    "en 2": ("Your name", "Phone", "How can we help?"),
    "es": ("Nombre", "Correo", "Mensaje"),
    "fr": ("Nom", "Courriel", "Votre message"),
    "de": ("Name", "E-Mail", "Nachricht"),
    "pt": ("Nome", "Telefone", "Mensagem"),
    "it": ("Nome", "Telefono", "Messaggio"),
    "nl": ("Naam", "Telefoon", "Bericht"),
    "pl": ("Imię", "Telefon", "Wiadomość"),
    "tr": ("Ad Soyad", "E-posta", "Mesaj"),
    "ar": ("الاسم", "الهاتف", "الرسالة"),
    "hi": ("नाम", "ईमेल", "संदेश"),
    "ja": ("お名前", "電話番号", "お問い合わせ内容"),
    "zh": ("姓名", "电话", "留言"),
    "ru": ("Имя", "Телефон", "Сообщение"),
    "ko": ("이름", "이메일", "메시지"),
    "he": ("שם", "טלפון", "הודעה"),
}

RULE = "_" * 32


@pytest.mark.parametrize("language", ATTRIBUTIONS)
@pytest.mark.parametrize("mark", ["> ", ""])
def test_what_is_answered_is_taken_off(language: str, mark: str) -> None:
    history = f"{mark}Dear Jane,\n{mark}please fill in the Online Profile Form."

    assert own_words(f"{REQUEST}\n\n{ATTRIBUTIONS[language]}\n{history}") == REQUEST


@pytest.mark.parametrize("language", ATTRIBUTIONS)
def test_an_attribution_without_a_blank_line_above_leaves_the_last_line(language: str) -> None:
    assert own_words(f"Hello\n{REQUEST}\n{ATTRIBUTIONS[language]}\n> old") == f"Hello\n{REQUEST}"


@pytest.mark.parametrize("language", ["en", "es", "fr", "de", "pt", "it", "nl", "sv", "da"])
def test_an_attribution_on_two_lines_is_one(language: str) -> None:
    before, _, after = ATTRIBUTIONS[language].partition(" Support")

    assert own_words(f"{REQUEST}\n\n{before}\nSupport{after}\n> old\n> words") == REQUEST


@pytest.mark.parametrize("language", HEADER_BLOCKS)
@pytest.mark.parametrize("bold", ["", "*"])
def test_a_header_block_begins_the_history(language: str, bold: str) -> None:
    values = ("Support <support@example.org>", "Monday 2 March 2026", "Jane", "Your letter")
    block = "\n".join(
        f"{bold}{label}:{bold} {value}"
        for label, value in zip(HEADER_BLOCKS[language], values, strict=True)
    )

    assert own_words(f"{REQUEST}\n\n{block}\n\nOld words of ours.") == REQUEST
    assert own_words(f"{REQUEST}\n\n________________________________\n{block}\n\nOld.") == REQUEST


@pytest.mark.parametrize("language", RULES)
def test_a_rule_begins_the_history(language: str) -> None:
    assert own_words(f"{REQUEST}\n\n{RULES[language]}\nOld words of ours.") == REQUEST


@pytest.mark.parametrize("language", DEVICES)
def test_what_the_telephone_adds_is_taken_off(language: str) -> None:
    assert own_words(f"{REQUEST}\n\n{DEVICES[language]}") == REQUEST


@pytest.mark.parametrize("language", NOTICES)
def test_a_notice_of_the_senders_firm_is_taken_off(language: str) -> None:
    assert own_words(f"{REQUEST}\n\n{NOTICES[language]}") == REQUEST
    assert own_words(f"{REQUEST}\n{NOTICES[language]}") == REQUEST


@pytest.mark.parametrize("language", FORMS)
@pytest.mark.parametrize("separator", [": ", ":\n", "："])
def test_of_a_contact_form_the_message_stays(language: str, separator: str) -> None:
    name, contact, message = FORMS[language]
    form = f"{name}{separator}Jane\n{contact}{separator}x\n{message}{separator}{REQUEST}"

    assert REQUEST in own_words(form)
    if "\n" not in separator:
        assert own_words(form) == REQUEST
        assert own_words(f"{form}\n-- sent from the website contact form") == REQUEST


@pytest.mark.parametrize(
    ("text", "own"),
    [
        ("hello", "hello"),
        ("hello\n\n-- \nJane\n1 Main Street", "hello"),
        ("hello\n--\nJane", "hello"),
        ("hello\n\nBest regards,\nJane", "hello\n\nBest regards,\nJane"),
        ("hello\n\nBest,\nJane Doe\nSenior Accountant\n+1 555 0100", "hello\n\nBest,\nJane Doe"),
        (
            "hello\n\nThanks\nJane\n\nP.S. May he take it with milk?",
            "hello\n\nThanks\nJane\n\nP.S. May he take it with milk?",
        ),
        ("> old\nmy answer", "my answer"),
        ("> old question?\nyes\n\n> another?\nno", "yes\n\nno"),
        ("On Mon, 2 Mar 2026, S <s@x.org> wrote:\n> old\n\nmy answer", "my answer"),
        (">> older\n> old\n\nmy answer", "my answer"),
        ("my answer\n\n\n\n\nmore", "my answer\n\nmore"),
        ("my answer\n______________________________", "my answer"),
        ("my doctor wrote:\ntake 50 mg\ntrue?", "my doctor wrote:\ntake 50 mg\ntrue?"),
        ("From: my view\nit is hard", "From: my view\nit is hard"),
        ("Date: 2 March\nTo: be decided\nwhat now?", "Date: 2 March\nTo: be decided\nwhat now?"),
        ("The original message\nwas lost", "The original message\nwas lost"),
        ("I sent from my hospital bed a letter.", "I sent from my hospital bed a letter."),
        ("This is confidential: I feel low.", "This is confidential: I feel low."),
        ("[Name] Jane\n[Your message] hello there\n[Consent] yes", "hello there"),
        ("Name: Jane\nMessage: hello there\nNewsletter sign-up: no\n", "hello there"),
        ("hello\n\n----- Forwarded -----\nold", "hello"),
        ("It was\nforwarded\nto me", "It was\nforwarded\nto me"),
        ("Thank you\nfor the book", "Thank you\nfor the book"),
        ("Message: in a bottle", "Message: in a bottle"),
        (
            "This e-mail and all files are\nfor the intended recipient\nonly.\n\nhello",
            "hello",
        ),
        ("hello\n\nWe are a firm. The file contains confidential data.", "hello"),
        ("hello\n--\nJane Doe\nAccountant\njane@x.example", "hello"),
        (
            f"hello\n{RULE}\nNo: Ana <a@x.example>\nNosūtīts: 2. marts 2026 10:22\nKam: B\n\nx",
            "hello",
        ),
        (f"{RULE}\nSo: x\nThen: y\nAt: 10:22\ntwo", f"{RULE}\nSo: x\nThen: y\nAt: 10:22\ntwo"),
        ("New message from your website\n\nName: Jane\nMessage: hello there", "hello there"),
        ("갤럭시에서 보냄\n\nhello", "hello"),
    ],
)  # fmt: skip
def test_what_stays_and_what_goes(text: str, own: str) -> None:
    assert own_words(text) == own


@pytest.mark.parametrize(
    "text",
    [
        "Hi\nThanks\nI got your letter\nmy dad took all his pills\nhe does not wake up",
        "Buenos días\nMuchas gracias\nmi padre\nno puede respirar\nllámenos",
        "Hello\n\nThank you\nAna\nP.D. my husband stopped breathing twice",
        "Hello from my eye tracker\n--\nI have ALS and can not breathe any more.\nPlease call.",
        "Hello\n—\nOne: may he take it with milk?\n—\nTwo: how do we get a mask?\n\nAna",
        "On 3 March 2026 his neurologist said and wrote:\nstop riluzole at once\nMay he?",
        "Am 12.03.2026 schrieb der Neurologe in seinem Brief:\nRiluzol absetzen.\nStimmt das?",
        "Hello,\n\nThe file contains confidential papers of his hospital. Since yesterday he can"
        " not breathe lying down.\n\nThank you, Maria",
        "Hola,\n\nLe mando información confidencial: mi madre no respira bien.\n\nGracias",
        "发自内心地感谢你们\n他昨晚呼吸困难",
        "你好\n请把个人资料表格用邮件发送",
        "Hello\n\nSent from my Tobii. I can not breathe, please call me.",
    ],
)
def test_of_what_a_person_wrote_nothing_is_taken_for_what_a_program_adds(text: str) -> None:
    assert own_words(text) == text


def test_what_stands_above_and_in_labels_of_ones_own_is_not_lost() -> None:
    own = own_words(
        "Dear team, my husband took all of his tablets an hour ago.\n\nName: Jane\n"
        "Question: should we go to hospital?\n"
        "State: he can not be woken up, and he breathes only six times in a minute or so\n"
        "Country: Peru\n"
    )
    assert "all of his tablets" in own
    assert "should we go" in own
    assert "breathes only six times" in own
    assert "Peru" not in own


@pytest.mark.parametrize(
    "text",
    [
        "> everything is quoted",
        "-- \nonly a signature",
        "Sent from my iPhone",
        "This message is for the intended recipient.",
        "Best regards,",
        "Name: Jane\nMessage:",
        "-----Original Message-----",
        "On Mon, 2 Mar 2026, S <s@x.org> wrote:",
        "On Mon, 2 Mar 2026, S <s@x.org> wrote:\n> old",
        "From: a\nSent: b\nTo: c\nSubject: d",
        "---------- Forwarded message ---------\nFrom: a\nDate: b\nSubject: c\n\nplease call me",
    ],
)
def test_a_letter_that_had_words_keeps_some(text: str) -> None:
    assert any(c.isalnum() for c in own_words(text))


def test_of_a_bare_forward_the_forwarded_words_are_read() -> None:
    text = (
        "---------- Forwarded message ---------\nFrom: Ann <ann@example.net>\n"
        "Date: Mon, 2 Mar 2026\nSubject: x\nTo: Jane\n\nMay he take it with milk?"
    )

    assert own_words(text) == "May he take it with milk?"


LINES = st.sampled_from(
    [
        *ATTRIBUTIONS.values(), *RULES.values(), *DEVICES.values(), *NOTICES.values(),
        "", " ", "-- ", "> old", ">", "Best regards,", "Jane", "From: a", "Sent: b", "To: c",
        "Subject: d", "Name: Jane", "Message: hi", "Message:", "hello?", "_____", "* * *", "：",
        ":", "a\tb", "begin 644 x", "\u200e", "ПС.", "1",
    ]
)  # fmt: skip


@given(st.lists(st.one_of(LINES, st.text(max_size=30)), max_size=25))
def test_never_empty_where_there_were_words_and_never_a_word_added(lines: list[str]) -> None:
    text = "\n".join(lines)
    own = own_words(text)

    assert any(map(str.isalnum, own)) == any(map(str.isalnum, text))
    written = set(text.split())
    for mark in (">", "*", ":", "："):
        written |= {piece for word in written for piece in word.split(mark)}
    assert set(own.split()) <= written


# --- pages -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("hello", "hello"),
        ("<p>one</p><p>two</p>", "one\n\ntwo"),
        ("<div>one</div><div>two</div>", "one\ntwo"),
        ("one<br>two<br/>three", "one\ntwo\nthree"),
        ("one<br><br>two", "one\n\ntwo"),
        ("a <b>bold</b> word", "a bold word"),
        ("one\n  two", "one two"),
        ("caf&eacute; &amp; th&#233; &lt;3&nbsp;mg", "café & thé <3 mg"),
        ("<ul><li>one<li>two</ul>", "- one\n\n- two".replace("\n\n", "\n")),
        ("<ol><li>one</li><li>two</li></ol>", "1. one\n2. two"),
        ("<table><tr><td>Name</td><td>Jane</td></tr><tr><td>Age</td><td>70</td></tr></table>",
         "Name\tJane\nAge\t70"),
        ('<a href="https://example.org/form">the form</a>', "the form <https://example.org/form>"),
        ('<a href="https://example.org">https://example.org</a>', "https://example.org"),
        ('<a href="javascript:alert(1)">x</a>', "x"),
        ('<a href="mailto:a@b.c">write</a>', "write"),
        ("<blockquote type=cite>old<br>words</blockquote>new", "> old\n> words\n\nnew"),
        ('<div>new</div><blockquote class="gmail_quote">old</blockquote>', "new\n\n> old"),
        ("<blockquote>an indented word</blockquote>", "an indented word"),
        ("<pre>one\n  two</pre>", "one\n  two"),
        ("<head><title>t</title><style>p{}</style></head><body>x</body>", "x"),
        ("x<script>alert('</p>')</script>y", "xy"),
        ("x<!-- hidden -->y<![CDATA[z]]>", "xy"),
        ("x<!--[if mso]>y<![endif]-->z", "xz"),
        ('<div style="display:none">track</div>x', "x"),
        ('<span style="font-size:0px">track</span>x', "x"),
        ('<span style="font-size:0.9em">seen</span>', "seen"),
        ('<p style="opacity: 0.8">seen</p>', "seen"),
        ('<p style="visibility : hidden">track</p>x', "x"),
        # One program alone hides this: everybody else sees it.
        ('<div style="mso-hide:all">seen</div>x', "seen\nx"),
        # Pages made for mail give the cells around a text no size, against gaps.
        ('<td style="font-size:0px"><div style="font-size:13px">seen</div></td>', "seen"),
        ('<td style="FONT-SIZE:0"><font size=2>seen</font></td>', "seen"),
        ('<div style="font-size:0">track<br></div>x', "x"),
        ('<div style="font-size:0;display:none"><b style="font-size:9px">track</b></div>x', "x"),
        ("<div hidden>track</div>x", "x"),
        ('<div class="hidden-xs">seen</div>', "seen"),
        ('<div style="display:none"><div>a</div>b</div>c', "c"),
        ('<div style="display:none">only this', "only this"),
        ('<div style="display:none">only this</div>', "only this"),
        ("<style>p{}", "p{}"),
        ("3 < 4 and 5 > 4", "3 < 4 and 5 > 4"),
        ("I <3 you", "I <3 you"),
        ("unfinished <a href='x", "unfinished <a href='x"),
        ("<p title='a > b'>x</p>", "x"),
        ('<p title="a > b">x</p>', "x"),
        ("<P>UPPER</P><SCRIPT>x</SCRIPT>y", "UPPER\n\ny"),
        ("&#99999999999999999999;x", "\ufffd;x"),
        ("&#0;x&#xd800;", "\ufffdx\ufffd"),
        ("<o:p>word</o:p>", "word"),
        ("<img alt='a picture'>x", "x"),
        ("", ""),
    ],
)  # fmt: skip
def test_a_page_is_read_as_it_is_seen(page: str, text: str) -> None:
    assert html_to_text(page) == text


def test_a_question_below_anything_is_not_lost() -> None:
    question = "May she take it?"
    for clutter in (
        "<" * 5_000, "<!--" * 5_000, "<a " * 5_000, '<a b="' * 5_000, "<div>" * 5_000,
        "<div style=display:none>" * 500, "<![" * 5_000, "<script>" * 500, "&#" * 5_000,
    ):  # fmt: skip
        assert question in html_to_text(f"{clutter} {question}")


PAGE_PIECES = st.sampled_from(
    [
        "<p>", "</p>", "<!--", "-->", "<", ">", "<td>", "<script>", "</script>", "&#", "&amp;", '"',
        "<div hidden>", "</div>", "<blockquote type=cite>", "<a href='http://x.y'>", "</a>",
        "<pre>",
        "<br>", "word ",
    ]
)  # fmt: skip


@given(st.text(max_size=300), st.lists(PAGE_PIECES, max_size=40))
def test_any_page_gives_text(text: str, pieces: list[str]) -> None:
    result = html_to_text(text + "".join(pieces))

    assert isinstance(result, str)
    if "word" in pieces and "<" not in text:
        assert any(map(str.isalnum, result))


# --- time --------------------------------------------------------------------------------


def seconds(function: Callable[[str], str], text: str, enough: float = 0.0) -> float:
    """Return the least CPU time of three runs, or one that is as little as `enough`."""
    best = float("inf")
    for _ in range(3):
        start = time.process_time()
        function(text)
        best = min(best, time.process_time() - start)
        if best <= enough:
            break
    return best


def grows_with_length(function: Callable[[str], str], text: str) -> bool:
    """Say whether four times the text takes about four times as long, or takes next to nothing.

    Where it grows with the square, it is sixteen times as long.
    """
    longer = seconds(function, text * 4, NEXT_TO_NOTHING)
    return longer <= NEXT_TO_NOTHING or longer <= 8 * seconds(function, text)


BAIT = {
    "On": "On ", "On lines": "On Mon wrote\n", "wrote": "x wrote:\n", "quotes": "> ",
    "line ends": "\n", "dashes": "-", "colons": "a:\n", "labels": "From: x\nSent: y\n",
    "closings": "best\n", "notices": "intended recipient\n", "forms": "Name: x\nMessage: y\n",
    "dates": "2026-03-02 09:00 <a@b.c>:\n", "prose": "may she take it with milk? ",
}  # fmt: skip
PAGES = {
    "less-thans": "<", "comments": "<!--", "tags": "<a ", "quotes": '<a b="', "divs": "<div>",
    "hidden": "<div hidden>x</div>", "open hidden": "<div hidden>", "scripts": "<script>x</script>",
    "cells": "<td>x", "lists": "<ul><li>", "links": "<a href=http://x.y>z</a>", "references": "&#1",
}  # fmt: skip

NEXT_TO_NOTHING = 0.5


@pytest.mark.parametrize("piece", BAIT.values(), ids=BAIT)
def test_the_time_for_a_text_grows_with_its_length(piece: str) -> None:
    assert grows_with_length(own_words, (piece * 30_000)[:30_000])


@pytest.mark.parametrize("piece", PAGES.values(), ids=PAGES)
def test_the_time_for_a_page_grows_with_its_length(piece: str) -> None:
    assert grows_with_length(html_to_text, (piece * 60_000)[:60_000])
