#!/usr/bin/env python3
"""The status page in a browser: what an administrator sees, on a desk and on a phone, in light and dark, by keyboard; and that
nothing a device chooses is ever more than text.

    status_page.py URL DIRECTORY

URL: a connector's listener that serves the page. Its page, with its headers, is shown with that connector's own status, and then
in front of documents of tests/browser/fixtures.py. Pictures of all of them go to DIRECTORY.
"""
import http.server
import json
import os
import sys
import threading
import time
import urllib.request

sys.dont_write_bytecode = True  # nothing is left in the source tree
import fixtures  # noqa: E402
from webdriver import Browser  # noqa: E402

PHONE, DESK = (360, 740), (1280, 900)
TAB, ENTER = "\ue004", "\ue007"
CONTRAST = open(os.path.join(os.path.dirname(__file__), "contrast.js"), encoding="utf-8").read()


class Stand:
    """Serves the connector's page with its headers, and as the status whatever the test says; None: nobody answers."""

    def __init__(self, url):
        with urllib.request.urlopen(url, timeout=30) as reply:
            page, headers = reply.read(), [(name, value) for name, value in reply.getheaders()
                                           if name not in ("Date", "Connection", "Content-Length")]
        stand = self
        self.status = (200, fixtures.healthy())
        self.asked = 0

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                if self.path == "/":
                    self.answer(200, headers, page)
                    return
                stand.asked += 1
                if stand.status is None:
                    self.close_connection = True
                else:
                    self.answer(stand.status[0], [("Content-Type", "application/json")], json.dumps(stand.status[1]).encode())

            def answer(self, status, fields, body):
                self.send_response_only(status)
                for name, value in fields:
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def fail(what):
    print(f"FAILED: {what}", file=sys.stderr)
    sys.exit(1)


def same(expected, found, what):
    if expected != found:
        fail(f"{what}: {found!r}, not {expected!r}")


def wait_until(what, condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            fail(f"{what} did not happen in time")
        time.sleep(0.05)


class Page:
    def __init__(self, browser, stand, pictures):
        self.browser, self.stand, self.pictures = browser, stand, pictures

    def text(self, selector="body"):
        return self.browser.run("return document.querySelector(arguments[0])?.innerText ?? ''", selector)

    def show(self, name):
        """A fixture, freshly loaded and drawn."""
        self.stand.status = (200, fixtures.ALL[name]())
        self.browser.open(self.stand.url)
        self.wait_drawn(name)

    def wait_drawn(self, what):
        wait_until(f"{what}: drawing", lambda: self.browser.run("return document.querySelector('#connector details') !== null"))

    def look(self, size, scheme):
        self.browser.look(*size, scheme)

    def picture(self, name):
        self.browser.picture(os.path.join(self.pictures, f"{name}.png"))

    def unfold_all(self):
        self.browser.run("document.querySelectorAll('details').forEach(d => d.open = true)")

    def assert_quiet(self, what):
        """No CSP violation, no script error, nothing else that a browser complains of."""
        said = self.browser.console()
        if said:
            fail(f"{what}: the console says {said}")


def check_fits(page, name):
    """No horizontal scrolling on the narrowest phone, all unfolded."""
    page.unfold_all()
    width = page.browser.run("return [document.documentElement.scrollWidth, innerWidth]")
    if width[0] > width[1]:
        wide = page.browser.run("return [...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > "
                                "innerWidth + 1).slice(0, 5).map(e => e.outerHTML.slice(0, 120))")
        fail(f"{name}: {width[0]} px wide on a phone of {width[1]}: {wide}")


def check_contrast(page, name):
    """WCAG 2.2 AA of every text (1.4.3)."""
    poor = page.browser.run(CONTRAST)
    if poor:
        fail(f"{name}: too little contrast: {poor[:5]}")


def check_looks(page):
    for name in fixtures.ALL:
        for device, size in (("phone", PHONE), ("desk", DESK)):
            for scheme in ("light", "dark"):
                page.look(size, scheme)
                page.show(name)
                page.picture(f"{name}-{device}-{scheme}")
                check_fits(page, f"{name}-{device}-{scheme}")
                check_contrast(page, f"{name}-{device}-{scheme}")
                if name == "degraded":
                    page.picture(f"{name}-{device}-{scheme}-unfolded")
                page.assert_quiet(f"{name}-{device}-{scheme}")
        print(f"ok  {name}: fits 360 px, contrast AA in light and dark, a quiet console")


def check_verdict(page):
    page.look(DESK, "light")
    for name, state in (("healthy", "✓Working"), ("degraded", "!Working, but something needs attention"),
                        ("failing", "✕Not working")):
        page.show(name)
        same(state, page.browser.run("return document.querySelector('#state').textContent"), f"{name}: the answer at the top")
    page.show("degraded")
    same(4, page.browser.run("return document.querySelectorAll('#problems li').length"), "problems")
    if "What to do: intune-scepctl revocations list" not in page.text("#problems"):
        fail(f"no advice: {page.text('#problems')}")
    same("3 problems. 144 answers in the last hour.", page.text("#why"), "a notice is no problem")
    label = page.browser.run("return document.querySelector('#tenants svg[role=img]').getAttribute('aria-label')")
    if not label.startswith("Answers in the last hour: 141 allowed, 3 refused, 0 unanswered, 0 other. Most in the minute of "):
        fail(f"the chart in words: {label}")
    page.show("twelve")
    same(12, page.browser.run("return document.querySelectorAll('#overview a').length"), "tenants in the overview")
    same(["tenant-customer-04", "tenant-customer-07"],
         page.browser.run("return [...document.querySelectorAll('#tenants > details[open]')].map(d => d.id)"),
         "of many tenants those are unfolded that need somebody")
    print("ok  the answer is at the top, with its reasons and what to do")


def check_hostile(page):
    """What a device chooses stays text; and the document is as it was, but for text."""
    page.show("hostile")
    page.unfold_all()
    text = page.text("main")
    if text.count(fixtures.XSS) < 8:
        fail(f"the hostile texts are not all shown as they are: {text.count(fixtures.XSS)}")
    same([None, 0, 1], page.browser.run("return [window.isPwned ?? null, document.querySelectorAll('img, iframe, object, main script').length, "
                                        "document.scripts.length]"), "what came of the hostile texts")
    page.assert_quiet("hostile")
    # Were it taken for markup by a mistake of ours, the policy would still stop it: planted by hand.
    page.browser.run("const d = document.createElement('div'); d.innerHTML = arguments[0]; document.body.append(d); "
                     "const s = document.createElement('script'); s.textContent = 'window.isPwned = 1'; document.body.append(s)", fixtures.XSS)
    wait_until("the policy's objection", lambda: any("Content Security Policy" in line for line in page.browser.console()))
    same(None, page.browser.run("return window.isPwned ?? null"), "what a planted script did")
    print("ok  subjects, transaction ids and messages of an attacker stay text; the policy stops a script that is planted")


def check_keyboard(page):
    """Tab reaches all there is to operate, in the order of the page, with a visible focus."""
    page.look(DESK, "light")
    page.show("twelve")
    page.browser.run("document.querySelectorAll('details').forEach(d => d.open = false); document.activeElement.blur()")
    expected = page.browser.run("return [...document.querySelectorAll('a[href], button, summary')].filter(e => e.checkVisibility())"
                                ".map(e => e.textContent)")
    reached = []
    for _ in expected:
        page.browser.press(TAB)
        reached.append(page.browser.run("return document.activeElement.textContent"))
        outline = page.browser.run("const s = getComputedStyle(document.activeElement); return [s.outlineStyle, s.outlineWidth]")
        same(["solid", "3px"], outline, f"the focus on {reached[-1]!r}")
    same(expected, reached, "the order of Tab")
    page.browser.run("document.querySelector('#about > summary').focus()")
    page.browser.press(ENTER)
    same(True, page.browser.run("return document.querySelector('#about').open"), "Enter unfolds")
    asked = page.stand.asked
    page.browser.run("document.querySelector('#pause').focus()")
    wait_until("the next reading", lambda: page.stand.asked > asked)
    wait_until("its drawing", lambda: page.browser.run("return !isReading"))
    same([True, "pause"], page.browser.run("return [document.querySelector('#about').open, document.activeElement.id]"),
         "what is unfolded and focused after the next reading")
    page.browser.press(ENTER)
    same(["Go on", "true"], page.browser.run("const p = document.querySelector('#pause'); return [p.textContent, p.ariaPressed]"), "Pause")
    same(["banner", "main", "contentinfo"], page.browser.run(
        "return [['header', 'banner'], ['main', 'main'], ['footer', 'contentinfo']].filter(([e]) => document.querySelector('body > ' + e))"
        ".map(([, role]) => role)"), "landmarks")
    print("ok  by keyboard: everything is reached in order, the focus shows, and stays where it was when figures change")


def check_not_reachable(page):
    page.look(DESK, "light")
    page.show("healthy")
    page.stand.status = None
    wait_until("the page's notice that nobody answers", lambda: "Connector not reachable" in page.text("#state"))
    text = page.text("#verdict")
    if "What is shown below is" not in text or "Stale, read" not in page.text("#fresh"):
        fail(f"old figures do not look old: {text} {page.text('#fresh')}")
    page.picture("unreachable-stale-desk-light")
    check_contrast(page, "unreachable")
    page.browser.open(page.stand.url)
    wait_until("a page that has nothing to show", lambda: "Connector not reachable" in page.text("#state"))
    page.picture("unreachable-never-desk-light")
    page.stand.status = (403, {"error": {"code": "not_allowed", "message": "this door wants a token"}})
    wait_until("a refusal", lambda: "It answered HTTP 403: this door wants a token" in page.text("#why"))
    page.stand.status = (200, {"hello": "I am another server"})
    wait_until("a stranger", lambda: "What answered is not the connector." in page.text("#why"))
    page.stand.status = (200, fixtures.healthy())
    wait_until("the recovery", lambda: page.text("#state").endswith("Working"))
    page.browser.console()  # refused connections are the browser's to complain of
    print("ok  a connector that does not answer is said to be so, old figures look old, and it recovers by itself")


def members(value):
    """What an object, or the first of a list, is made of, all the way down."""
    if isinstance(value, list):
        return members(value[0]) if value else None
    return {name: members(v) for name, v in value.items() if name != "lastFailure"} if isinstance(value, dict) else None


def check_fixtures(url):
    """The fixtures are like what the connector says; members that may be null or empty are compared where both have them."""
    def compare(real, made, path):
        if real is not None and made is not None:
            same(sorted(real), sorted(made), f"members of {path}, connector and fixture")
            for name in real:
                compare(real[name], made[name], f"{path}/{name}")
    with urllib.request.urlopen(url + "v1/status", timeout=30) as reply:
        compare(members(json.load(reply)), members(fixtures.healthy()), "status")
    print("ok  the fixtures have the members that the connector's document has")


def check_real(page, url):
    """The connector's own status, through its own listener."""
    for device, size in (("phone", PHONE), ("desk", DESK)):
        page.look(size, "light")
        page.browser.open(url)
        page.wait_drawn("the connector")
        page.picture(f"connector-{device}-light")
        check_fits(page, f"connector-{device}")
        same(None, page.browser.run("return window.isPwned ?? null"), "what the connector's refusals did")
        page.assert_quiet("the connector")
    print(f"ok  the connector itself: {page.text('#state')}: {page.text('#why')}")


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    url, pictures = sys.argv[1:]
    os.makedirs(pictures, exist_ok=True)
    browser = Browser()
    try:
        page = Page(browser, Stand(url), pictures)
        check_fixtures(url)
        check_real(page, url)
        check_verdict(page)
        check_hostile(page)
        check_keyboard(page)
        check_not_reachable(page)
        check_looks(page)
    finally:
        browser.close()
    print(f"pictures are in {pictures}")


main()
