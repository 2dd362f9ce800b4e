"""Exam entries and self-checks: complete as they are built, and answered in the browser in every way."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from axe_playwright_python.sync_playwright import Axe
from bs4 import BeautifulSoup, Tag
from playwright.sync_api import Browser, Locator, Page, expect

from tests.test_site import PHONE, ROOT, small_book, soup, visiting
from tools import site

__all__ = ["small_book"]  # a fixture

NAMES = ["book/exam", "book/before-you-start"]
LECTURES: list[dict[str, Any]] = yaml.safe_load((ROOT / "book/lectures.yml").read_text("utf-8"))


def flat(text: str) -> str:
    return " ".join(text.split())


def checks(html: Path) -> Iterator[tuple[str, Tag]]:
    """Every self-check of the site, with the name of its page."""
    for file in sorted(html.glob("*/*.html")):
        page = file.relative_to(html).with_suffix("").as_posix()
        for check in BeautifulSoup(file.read_text("utf-8"), "html.parser").select("fieldset.self-check"):
            yield f"{page}#{check['id']}", check


# --- As it is built ---


def test_every_option_has_a_reason(html: Path) -> None:
    kinds = set()
    for name, check in checks(html):
        kinds.add(check["data-kind"])
        reasons = [flat(reason.get_text()) for reason in check.select(".self-check-reason")]
        holders = check.select(".self-check-option, .self-check-order > li, .self-check-reason[data-number]")
        assert len(reasons) == len(holders) + (check["data-kind"] == "number"), name
        assert all(len(reason) > 10 for reason in reasons), name
        assert len(set(reasons)) == len(reasons), f"{name} gives two options the same reason"
        assert check.legend, name
        assert flat(check.legend.get_text()), name
        assert check.select_one("[role=status]"), name
        assert all(reason.has_attr("hidden") for reason in check.select(".self-check-reason")), name
    assert kinds == {"choice", "several", "number", "order"}


def test_the_order_of_options_gives_nothing_away(html: Path) -> None:
    first = []
    for name, check in checks(html):
        if check["data-kind"] == "choice":
            first.append(check.select(".self-check-option")[0].has_attr("data-right"))
        places = [int(str(item["data-place"])) for item in check.select(".self-check-order > li")]
        if places:
            assert places != sorted(places), f"{name} is in the right order from the start"
            assert sorted(places) == list(range(1, len(places) + 1)), name
    assert not all(first)
    assert sum(first) <= len(first) / 2, "the right option stands first in most questions"


def test_every_question_of_a_written_lecture_is_complete(html: Path) -> None:
    entries = soup(html, "book/exam").select(".exam-question")
    assert [entry["id"] for entry in entries] == [f"question-{k}" for k in range(1, 29)]
    for number, entry in enumerate(entries, start=1):
        (lecture,) = (each for each in LECTURES if number in each["exam"])
        written = (ROOT / "notebooks" / f"{lecture['file']}.ipynb").is_file()
        links = [str(link["href"]) for link in entry.select(".exam-proof a")]
        if written:
            assert len(entry.select("fieldset.self-check")) >= 2, f"question {number}"
            assert len(entry.select("details.model-answer")) == 1, f"question {number}"
            assert f"../notebooks/{lecture['file']}.html" in {link.split("#")[0] for link in links}
            assert all("#" in link for link in links), f"question {number} links to no section"
            assert not entry.select(".unwritten")
        else:
            name = f"Lecture {lecture['number'].lstrip('0')} ({lecture['title']})"
            (note,) = entry.select(".unwritten")
            assert flat(note.get_text()) == f"{name} is not yet written."
    (line,) = (p for p in soup(html, "book/exam").select("article p") if "Written so far" in p.get_text())
    assert [link["href"] for link in line.select("a")] == [
        f"#{entry['id']}" for entry in entries if not entry.select(".unwritten")
    ]
    assert re.fullmatch(r"Written so far: questions? \d+(, \d+)*( and \d+)?\.", flat(line.get_text()))
    kinds = {check["data-kind"] for entry in entries for check in entry.select("fieldset")}
    assert kinds == {"choice", "several", "number", "order"}


def test_the_script_is_on_the_pages_that_need_it(html: Path) -> None:
    for file in html.glob("*/*.html"):
        page = BeautifulSoup(file.read_text("utf-8"), "html.parser")
        scripts = [str(script["src"]) for script in page.select("script[src*=self-check][defer]")]
        assert len(scripts) == bool(page.select("fieldset.self-check")), file


# --- In the browser ---


def verdict(check: Locator) -> str | None:
    return check.locator(".self-check-status").get_attribute("data-verdict")


def said(check: Locator) -> str:
    return flat(check.locator(".self-check-status").text_content() or "")


def text_of(node: Locator) -> str:
    return flat(node.text_content() or "")


def press(check: Locator, name: str = "Check") -> None:
    check.get_by_role("button", name=name, exact=True).click()


def answer_choice(check: Locator) -> None:
    press(check)
    assert (verdict(check), said(check)) == (None, "Choose an option first.")
    options = check.locator(".self-check-option")
    for option in options.all():
        option.locator("label").click(position={"x": 4, "y": 10})
        assert said(check) == "", "what was said about another answer is still there"
        press(check)
        right = option.get_attribute("data-right") is not None
        assert verdict(check) == ("right" if right else "wrong")
        reason = text_of(option.locator(".self-check-reason"))
        assert said(check) == f"{'✓ Right.' if right else '✗ Not yet.'} {reason}"
        expect(option.locator("input")).to_be_checked()
        assert check.locator(".is-right, .is-wrong").count() == 1
    press(check, "Start again")
    assert check.locator("input:checked").count() == 0
    expect(check.locator("input").first).to_be_focused()
    assert said(check) == ""


def answer_several(check: Locator) -> None:
    press(check)
    assert (verdict(check), said(check)) == (None, "Tick at least one option first.")
    right = check.locator(".self-check-option[data-right]").all()
    wrong = check.locator(".self-check-option:not([data-right])").all()
    for option in right:
        option.locator("input").check()
    press(check)
    assert verdict(check) == "right"
    for option in [*right, *wrong]:
        assert text_of(option.locator(".self-check-reason")) in said(check)
    for option in wrong:
        option.locator("input").check()
        press(check)
        assert verdict(check) == "wrong"
        assert "1 ticked option is wrong." in said(check)
        assert text_of(option.locator(".self-check-reason")) in said(check)
        option.locator("input").uncheck()
    right[0].locator("input").uncheck()
    if len(right) > 1:
        press(check)
        assert verdict(check) == "wrong"
        assert "1 right option is not ticked yet." in said(check)
        assert text_of(right[0].locator(".self-check-reason")) not in said(check), "gives the option away"
        expect(right[1].locator("input")).to_be_checked()


def answer_number(check: Locator) -> None:
    field = check.locator(".self-check-number")
    box = field.locator("input")
    expect(check.get_by_role("textbox", name=re.compile("^Answer"))).to_have_count(1)
    right = float(field.get_attribute("data-answer") or "")
    tolerance = float(field.get_attribute("data-tolerance") or "")
    press(check)
    assert (verdict(check), said(check)) == (None, "Type a number first.")
    for nonsense in ("two", "1.000.000", "1/0", "--1", "0x10"):
        box.fill(nonsense)
        press(check)
        assert verdict(check) is None
        assert said(check).startswith("This is not a number.")
        expect(box).to_have_attribute("aria-invalid", "true")
        expect(box).to_have_value(nonsense)
    explanation = text_of(check.locator(".self-check-reason[data-right]"))
    plain = f"{right:.6f}"
    unit = field.get_attribute("data-unit")
    ways = [plain, plain.replace(".", ",").replace("-", "−"), f" {right:.4e} ", f"{right * 4:.6f}/4"]
    for way in [*ways, f"{right + 0.9 * tolerance:.6f}", *([f"{plain} {unit}"] if unit else [])]:
        box.fill(way)
        press(check)
        assert (way, verdict(check), said(check)) == (way, "right", f"✓ Right. {explanation}")
        assert box.get_attribute("aria-invalid") is None
    for reason in check.locator(".self-check-reason[data-number]").all():
        box.fill(reason.get_attribute("data-number") or "")
        press(check)
        assert (verdict(check), said(check)) == ("wrong", f"✗ Not yet. {text_of(reason)}")
        for near in (0.997, 1.003):  # rounded on the way
            box.fill(repr(near * float(reason.get_attribute("data-number") or "")))
            press(check)
            assert (verdict(check), said(check)) == ("wrong", f"✗ Not yet. {text_of(reason)}")
    for other, way in ((right + 12345.6, "too large"), (right - 12345.6, "too small")):
        box.fill(str(other))
        press(check)
        assert verdict(check) == "wrong"
        assert said(check).startswith(f"✗ Not yet. The number is {way}. Write the calculation down")


def answer_order(check: Locator) -> None:
    items = check.locator(".self-check-order > li")
    press(check)
    assert verdict(check) == "wrong"
    places = [int(item.get_attribute("data-place") or "") for item in items.all()]
    first = next(k for k, place in enumerate(places, start=1) if place != k)
    assert f"The first item out of place is number {first}: " in said(check)
    assert text_of(items.nth(first - 1).locator(".self-check-reason")) in said(check)
    check_ends(check)
    for place in range(1, len(places) + 1):
        item = check.locator(f".self-check-order > li[data-place='{place}']")
        while (now := item.evaluate("node => [...node.parentNode.children].indexOf(node) + 1")) > place:
            button = item.get_by_role("button", name=re.compile("^Move up"))
            button.click()
            assert said(check) == f"Moved to place {now - 1} of {len(places)}."
            expect(button).to_be_focused()
            check_ends(check)
    press(check)
    assert verdict(check) == "right"
    for item in items.all():
        assert text_of(item.locator(".self-check-reason")) in said(check)
    press(check, "Start again")
    assert [int(item.get_attribute("data-place") or "") for item in items.all()] == places
    check_ends(check)


def check_ends(check: Locator) -> None:
    """The first item alone cannot go up, the last alone cannot go down."""
    for step, end in (("-1", 0), ("1", -1)):
        buttons = check.locator(f"[data-move='{step}']")
        stated = [button.get_attribute("aria-disabled") == "true" for button in buttons.all()]
        assert [k for k, disabled in enumerate(stated) if disabled] == [range(len(stated))[end]]
        assert not any(button.get_attribute("disabled") is not None for button in buttons.all())


ANSWERS = {
    "choice": answer_choice,
    "several": answer_several,
    "number": answer_number,
    "order": answer_order,
}


@pytest.mark.parametrize("protocol", ["http", "file"])
def test_every_kind_can_be_answered_by_mouse(
    browser: Browser, html: Path, address: str, protocol: str
) -> None:
    """Over the network and from a folder on the disk."""
    with visiting(browser, address if protocol == "http" else html.as_uri(), "book/exam") as visit:
        page = visit.open()
        for kind, answer in ANSWERS.items():
            answer(page.locator(f"fieldset.self-check[data-kind={kind}]").first)
        assert visit.problems == []


# Gives every option, alone, and every known wrong number to each self-check: [id, what, right, verdict, reason, said].
SWEEP = """() => {
  const flat = node => node.textContent.split(/\\s+/).join(' ').trim();
  const found = [];
  for (const check of document.querySelectorAll('fieldset.self-check')) {
    const status = check.querySelector('.self-check-status');
    const note = (what, right, reason) => {
      check.querySelector('[data-action=check]').click();
      found.push([check.id, what, right, status.dataset.verdict, flat(reason), flat(status)]);
    };
    const options = [...check.querySelectorAll('.self-check-option')];
    const alone = options.filter(option => 'right' in option.dataset).length === 1;
    for (const option of options) {
      for (const other of options) other.querySelector('input').checked = other === option;
      note(flat(option.querySelector('label')), 'right' in option.dataset && alone, option.querySelector('.self-check-reason'));
    }
    const field = check.querySelector('.self-check-number');
    for (const reason of field ? check.querySelectorAll('.self-check-reason') : []) {
      field.querySelector('input').value = reason.dataset.number ?? field.dataset.answer;
      note(field.querySelector('input').value, 'right' in reason.dataset, reason);
    }
  }
  return found;
}"""


@pytest.mark.parametrize("name", NAMES)
def test_every_answer_gets_its_own_reason(browser: Browser, address: str, name: str) -> None:
    with visiting(browser, address, name) as visit:
        page = visit.open()
        found = page.evaluate(SWEEP)
        kinds = [check.get_attribute("data-kind") for check in page.locator("fieldset.self-check").all()]
        assert len({check for check, *_ in found}) == len(kinds) - kinds.count("order")
        for check, what, right, verdict, reason, said in found:
            assert (check, what, verdict) == (check, what, "right" if right else "wrong")
            assert reason in said, f"{check}: {what}"
        for check in page.locator("[data-kind=order]").all():
            answer_order(check)
        assert visit.problems == []


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("4.3333", "mean of the three values"),
        ("4,3", "too large"),  # further than half a per cent from 4.33
        ("0.1667", "factor of the inverse map"),
        ("1/6", "factor of the inverse map"),
        ("-6", "a factor of areas is not negative"),
        ("6.0001", "The number is too large"),  # near the answer, which has no tolerance
    ],
)
def test_a_known_wrong_number_is_known_when_it_is_rounded_otherwise(
    browser: Browser, address: str, typed: str, reason: str
) -> None:
    with visiting(browser, address, "book/before-you-start") as visit:
        page = visit.open()
        answer = "6.0" if "6" in typed else "3.5"
        check = page.locator("fieldset[data-kind=number]", has=page.locator(f"[data-answer='{answer}']"))
        check.locator("input").fill(typed)
        press(check)
        assert verdict(check) == "wrong"
        assert reason in said(check)
        assert visit.problems == []


def test_known_wrong_numbers_are_told_apart(html: Path) -> None:
    """None is within the tolerance of the answer, and no entered number is near to two of them."""
    pairs = 0
    for name, check in checks(html):
        field = check.select_one(".self-check-number")
        if not field:
            continue
        answer, tolerance = (float(str(field[f"data-{key}"])) for key in ("answer", "tolerance"))
        known = [
            (float(str(reason["data-number"])), float(str(reason["data-within"])))
            for reason in check.select(".self-check-reason[data-number]")
        ]
        for k, (value, within) in enumerate(known):
            assert abs(value - answer) > tolerance, f"{name}: {value}"
            assert within >= tolerance, f"{name}: {value}"
            assert all(abs(value - other) > within + room for other, room in known[:k]), f"{name}: {value}"
            pairs += k
    assert pairs > 20


def test_the_room_around_a_wrong_number_shrinks_where_another_is_near(html: Path) -> None:
    import importlib
    import sys

    sys.path.insert(0, str(ROOT / "book/_ext"))
    try:
        within = importlib.import_module("applied_ds_site.exam")._within
    finally:
        sys.path.remove(str(ROOT / "book/_ext"))
    assert within(4.0, [3.5, 5.0], 0.001) == pytest.approx(0.02)
    assert within(-4.0, [3.5], 0.0) == pytest.approx(0.02)
    assert within(4.0, [3.5], 0.1) == 0.1
    assert within(1000.0, [1001.0, 3.0], 0.0) == pytest.approx(0.4)
    assert within(0.0, [3.5], 0.0) == 0.0


def focus(page: Page, target: Locator) -> None:
    """Moves the focus with the tabulator key alone."""
    for _ in range(12):
        if target.evaluate("node => node === document.activeElement"):
            return
        page.keyboard.press("Tab")
    pytest.fail("the keyboard does not get there")


def test_every_kind_can_be_answered_by_keyboard(browser: Browser, address: str) -> None:
    with visiting(browser, address, "book/exam") as visit:
        page = visit.open()
        entry = page.locator("#question-9")
        choice, several, number, order = (entry.locator(f"[data-kind={kind}]") for kind in ANSWERS)

        choice.locator("input").first.focus()
        page.keyboard.press("Space")
        page.keyboard.press("ArrowDown")
        expect(choice.locator("input").nth(1)).to_be_checked()
        page.keyboard.press("Enter")
        right = choice.locator(".self-check-option").nth(1).get_attribute("data-right") is not None
        assert verdict(choice) == ("right" if right else "wrong")
        expect(choice.locator("input").nth(1)).to_be_focused()

        for k, option in enumerate(several.locator(".self-check-option").all()):
            focus(page, several.locator("input").nth(k))
            if option.get_attribute("data-right") is not None:
                page.keyboard.press("Space")
        focus(page, several.get_by_role("button", name="Check"))
        page.keyboard.press("Enter")
        assert verdict(several) == "right"

        focus(page, number.locator("input"))
        page.keyboard.type("1,5")
        page.keyboard.press("Enter")
        assert verdict(number) == "wrong"
        expect(number.locator("input")).to_be_focused()
        page.keyboard.press("Home")
        page.keyboard.type("−")
        page.keyboard.press("Enter")
        assert verdict(number) == "right"

        down = order.locator("li").first.get_by_role("button", name=re.compile("^Move down"))
        item = text_of(order.locator("li .self-check-text").first)
        mark = order.locator(".self-check-order > li").first.get_attribute("data-place")
        focus(page, down)
        page.keyboard.press("Enter")
        assert said(order) == "Moved to place 2 of 5."
        assert text_of(order.locator("li .self-check-text").nth(1)) == item
        focused = page.evaluate("() => document.activeElement.closest('li').innerText")
        assert flat(focused).startswith(item[:8]), "the focus did not move with the item"
        page.keyboard.press("Space")
        assert said(order) == "Moved to place 3 of 5."

        # At an end a press too many does nothing, says so, and keeps the focus.
        moved = order.locator(f".self-check-order > li[data-place='{mark}']")
        for name, places, end in (("down", (4, 5), "last"), ("up", (4, 3, 2, 1), "first")):
            button = moved.get_by_role("button", name=re.compile(f"^Move {name}"))
            button.focus()
            for place in places:
                page.keyboard.press("Enter")
                assert said(order) == f"Moved to place {place} of 5."
            for key in ("Enter", "Space"):
                page.keyboard.press(key)
                assert said(order) == f"Not moved: this is the {end} item."
                assert text_of(order.locator("li .self-check-text").nth(places[-1] - 1)) == item
                expect(button).to_be_focused()

        summary = entry.locator("details.model-answer > summary")
        summary.focus()
        page.keyboard.press("Enter")
        expect(entry.locator("details.model-answer > p").first).to_be_visible()
        assert visit.problems == []


WRONG_EVERYWHERE = """() => document.querySelectorAll('fieldset.self-check').forEach(check => {
  const option = check.querySelector('.self-check-option:not([data-right]) input');
  if (option) option.checked = true;
  const text = check.querySelector('input[type=text]');
  if (text) text.value = '1e9';
  check.querySelector('[data-action=check]').click();
})"""


@pytest.mark.parametrize(("name", "scheme"), [(NAMES[0], "light"), (NAMES[0], "dark"), (NAMES[1], "dark")])
def test_checks_are_accessible_and_fit_on_a_phone(
    browser: Browser, address: str, name: str, scheme: Any
) -> None:
    """With an answer to each of them, and every model answer open."""
    with visiting(
        browser, address, name, color_scheme=scheme, viewport=PHONE, is_mobile=True, has_touch=True
    ) as visit:
        page = visit.open()
        page.evaluate(WRONG_EVERYWHERE)
        page.evaluate("() => document.querySelectorAll('details').forEach(node => { node.open = true; })")
        assert page.locator("[data-verdict=wrong]").count() == page.locator("fieldset.self-check").count()
        assert page.evaluate("() => document.documentElement.scrollWidth") <= PHONE["width"]
        wide = page.evaluate(
            "() => [...document.querySelectorAll('.self-check, .self-check button, .self-check-status')]"
            f".filter(node => node.getBoundingClientRect().right > {PHONE['width']}).length"
        )
        assert wide == 0
        formulas = page.locator("details.model-answer div.math")
        cut = formulas.evaluate_all(
            "all => all.filter(n => n.scrollWidth > n.clientWidth).map(n => n.textContent)"
        )
        assert cut == [], "formulas of a model answer are wider than a phone"
        typeset = "() => [...document.querySelectorAll('math:not([hidden] *)')].every(m => m.getBoundingClientRect().width)"
        assert page.evaluate(typeset)
        result = Axe().run(page, context="article")
        assert result.violations_count == 0, result.generate_report()
        assert visit.problems == []


def test_without_javascript_a_note_says_so_and_answers_fold_out(browser: Browser, html: Path) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(f"{html.as_uri()}/book/exam.html")
        expect(page.locator("noscript p", has_text="JavaScript")).to_have_count(1)
        expect(page.locator("noscript p", has_text="JavaScript")).to_be_visible()
        expect(page.locator(".self-check button").first).to_be_hidden()
        answer = page.locator("#question-8 details.model-answer")
        answer.locator("summary").click()
        expect(answer.locator("p").first).to_be_visible()


# --- Malformed entries ---

REASON = "\n\n  Because.\n"
MALFORMED = {
    "no right option": (
        f"{{choice}} Q1?\n\n- a{REASON}\n- b{REASON}",
        "has no right option: begin it with +",
    ),
    "no wrong option": (f"{{several}} Q2?\n\n+ a{REASON}\n+ b{REASON}", "has no wrong option: add one"),
    "two right": (
        f"{{choice}} Q3?\n\n+ a{REASON}\n+ b{REASON}\n- c{REASON}",
        "has 2 right options: leave one",
    ),
    "no reason": (f"{{choice}} Q4?\n\n+ a{REASON}\n- b\n", "gives no reason for 'b': add a paragraph"),
    "twice": (f"{{choice}} Q5?\n\n+ a{REASON}\n- a{REASON}", "has the same option twice"),
    "other bullet": (f"{{choice}} Q6?\n\n+ a{REASON}\n* b{REASON}", "begins with neither + (right) nor"),
    "no question": (f"{{choice}}\n+ a{REASON}\n- b{REASON}", "has no question: write it"),
    "loose text": (f"{{choice}} Q7?\n\n+ a{REASON}\n- b{REASON}\nBecause.", "has text after its list"),
    "no answer": ("{number}\n\nQ8?\n\n+ Yes.\n- 1: no", "has no answer: add the line ':answer: NUMBER'"),
    "no number": ("{number}\n:answer: two\n\nQ9?\n\n+ Yes.\n- 1: no", "'two' is not a number"),
    "negative": ("{number}\n:answer: 2\n:tolerance: -1\n\nQ?\n\n+ Yes.\n- 1: no", "tolerance below zero"),
    "within": (
        "{number}\n:answer: 2\n:tolerance: 0.1\n\nQ?\n\n+ Yes.\n- 2.05: no",
        "lists 2.05 as wrong, but it is within the tolerance",
    ),
    "same number": (
        "{number}\n:answer: 2\n:tolerance: 0.1\n\nQ?\n\n+ Yes.\n- 3: a\n- 3.1: b",
        "cannot tell the wrong number 3.1 from one above it",
    ),
    "no explanation": ("{number}\n:answer: 2\n\nQ?\n\n- 1: no", "needs one item that begins with +"),
    "no mistake": ("{number}\n:answer: 2\n\nQ?\n\n+ Yes.", "knows no wrong number"),
    "no colon": ("{number}\n:answer: 2\n\nQ?\n\n+ Yes.\n- 1 no", "not of the form '- NUMBER: reason'"),
    "empty reason": ("{number}\n:answer: 2\n\nQ?\n\n+ Yes.\n- 1:", "gives no reason for 1"),
    "two items": ("{order} Q?\n\n1. a\n\n   Why.\n\n2. b\n\n   Why.", "has 2 items: it needs three or more"),
    "bullets": (f"{{order}} Q?\n\n- a{REASON}\n- b{REASON}\n- c{REASON}", "needs one numbered list"),
    "reason of a step": (
        "{order} Q?\n\n1. a\n\n   Why.\n\n2. b\n\n   Why.\n\n3. c",
        "gives no reason for 'c': add a paragraph",
    ),
    "empty answer": ("{model-answer}", "is empty"),
    "no such question": ("{exam-question} 99\nQ?", "99: no lecture in book/lectures.yml answers a question"),
    "incomplete": ("{exam-question} 1\nQ?", "1: Lecture 1 is written, so the entry needs a self-check"),
    "strange proof": ("{exam-question} 2\n:proof: nowhere#x\n\nQ?", "names a proof 'nowhere#x' that is not"),
    "no such section": ("{exam-question} 3\n:proof: 01_first#two\n\nQ?", "local id not found in doc"),
    "twice on the page": ("{exam-question} 3\nQ?", "3: this page has that question already"),
}
GOOD = f"""::::{{exam-question}} 1
:proof: 01_first#section-one

Q?

:::{{choice}} Q0?

+ a{REASON}
- b{REASON}
:::

:::{{model-answer}}
Yes.
:::
::::
"""


@pytest.fixture
def exam_book(small_book: Path) -> Path:
    """A book with a lecture that answers question 1; of those that answer questions 2 and 3 only the names exist."""
    lectures = [
        {"number": f"0{k}", "file": f"0{k}_{word}", "title": word, "part": "I. One", "exam": [k]}
        for k, word in ((1, "first"), (2, "second"), (3, "third"))
    ]
    (small_book / "book/lectures.yml").write_text(yaml.safe_dump(lectures), "utf-8")
    notebook = json.loads((ROOT / "notebooks/04_normalizing_flows.ipynb").read_text("utf-8"))
    notebook["metadata"]["applied_ds"] |= {"lecture": "01", "exam": [1]}
    head = notebook["cells"][0]
    section = {"cell_type": "markdown", "metadata": {}, "id": "a", "source": "## Section one\n\nText."}
    (small_book / "notebooks").mkdir()
    (small_book / "notebooks/01_first.ipynb").write_text(
        json.dumps({**notebook, "cells": [head, section]}), "utf-8"
    )
    with (small_book / "_toc.yml").open("a") as toc:
        toc.write("  - file: notebooks/01_first\n")
    return small_book


def test_malformed_entries_fail_the_build_and_say_where(exam_book: Path) -> None:
    page, spans = "# Second\n\n", {}
    for name, (entry, _) in MALFORMED.items():
        start = page.count("\n") + 1
        page += f":::{entry}\n:::\n\n"
        spans[name] = range(start, page.count("\n") + 1)
    (exam_book / "book/second.md").write_text(page, "utf-8")
    with pytest.raises(site.BuildError) as failed:
        site.build(exam_book)
    warnings = re.findall(r"second\.md:(\d+): WARNING: (.+)", str(failed.value))
    for name, (_, message) in MALFORMED.items():
        lines = [int(line) for line, text in warnings if message in text]
        assert any(line in spans[name] for line in lines), (
            f"{name}: {lines}, not in {spans[name]}\n{failed.value}"
        )
    assert len(warnings) == len(MALFORMED), failed.value


def test_a_complete_entry_builds_and_can_be_linked(exam_book: Path) -> None:
    written = "```{written-questions}\n```\n\n"
    (exam_book / "book/second.md").write_text(f"# Second\n\n{written}{GOOD}", "utf-8")
    (exam_book / "book/index.md").write_text("# First\n\nSee [this](second.md#question-1).\n", "utf-8")
    html = site.build(exam_book).html
    line = soup(html, "book/second").select("article section > p")[0]
    assert flat(line.get_text()) == "Written so far: question 1."
    assert [link["href"] for link in line.select("a")] == ["#question-1"]
    (link,) = soup(html, "book/second").select(".exam-proof a")
    assert (link["href"], link.get_text()) == ("../notebooks/01_first.html#section-one", "Section one")
    assert soup(html, "book/index").select("article a[href='second.html#question-1']")
