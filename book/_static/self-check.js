// Self-checks: what is right and every reason stand on the page already; this judges an answer and shows its reasons.
"use strict";

(() => {
  const element = (name, ...content) => {
    const node = document.createElement(name);
    node.append(...content);
    return node;
  };

  // A copy of what an element shows, to be shown a second time: without ids.
  const copyOf = (node) => {
    const copy = node.cloneNode(true);
    for (const each of [copy, ...copy.querySelectorAll("[id]")]) each.removeAttribute("id");
    return copy;
  };
  const reasonIn = (node) => {
    const reason = element("div");
    reason.append(...copyOf(node).childNodes);
    return reason;
  };
  const quoted = (node) => element("em", ...copyOf(node).childNodes);
  const count = (number, one, many) => `${number} ${number === 1 ? one : many}`;

  // Each kind takes the fieldset and gives { right, say: what to show }; `right` is null if there is no answer yet.

  function choice(check) {
    const picked = check.querySelector(".self-check-option:has(input:checked)");
    if (!picked) return { right: null, say: ["Choose an option first."] };
    const right = "right" in picked.dataset;
    picked.classList.add(right ? "is-right" : "is-wrong");
    return { right, say: [reasonIn(picked.querySelector(".self-check-reason"))] };
  }

  function several(check) {
    const options = [...check.querySelectorAll(".self-check-option")];
    const ticked = options.filter((option) => option.querySelector("input").checked);
    if (!ticked.length) return { right: null, say: ["Tick at least one option first."] };
    const wrong = ticked.filter((option) => !("right" in option.dataset));
    const missing = options.filter((option) => "right" in option.dataset && !ticked.includes(option));
    const right = !wrong.length && !missing.length;
    const say = [];
    if (wrong.length) say.push(`${count(wrong.length, "ticked option is", "ticked options are")} wrong. `);
    if (missing.length) say.push(`${count(missing.length, "right option is", "right options are")} not ticked yet.`);
    for (const option of ticked) option.classList.add("right" in option.dataset ? "is-right" : "is-wrong");
    const list = element("ul");
    for (const option of right ? options : ticked) {
      const verdict = "right" in option.dataset ? "Right: " : "Wrong: ";
      const reason = reasonIn(option.querySelector(".self-check-reason"));
      list.append(element("li", verdict, quoted(option.querySelector("label")), reason));
    }
    return { right, say: [...say, list] };
  }

  // A number as people type it: 0.5, 0,5, −2, 1e-3, 1/4, with or without the unit; otherwise NaN.
  function numberIn(text, unit) {
    let plain = text.trim().replace(/[−–]/g, "-");
    if (unit && plain.endsWith(unit)) plain = plain.slice(0, -unit.length).trim();
    const decimal = "[+-]?(?:\\d+(?:[.,]\\d*)?|[.,]\\d+)(?:[eE][+-]?\\d+)?";
    const found = plain.match(new RegExp(`^(${decimal})(?:\\s*/\\s*(${decimal}))?$`));
    if (!found) return NaN;
    const [top, bottom] = [found[1], found[2] ?? "1"].map((part) => Number(part.replace(",", ".")));
    return bottom === 0 ? NaN : top / bottom;
  }

  function number(check) {
    const field = check.querySelector(".self-check-number");
    const input = field.querySelector("input");
    if (!input.value.trim()) return { right: null, say: ["Type a number first."] };
    const given = numberIn(input.value, field.dataset.unit);
    if (!Number.isFinite(given)) {
      input.setAttribute("aria-invalid", "true");
      return { right: null, say: ["This is not a number. Write it like 12, −0.5, 1e-3 or 1/4."] };
    }
    const answer = Number(field.dataset.answer);
    const tolerance = Number(field.dataset.tolerance);
    const near = (target, within = tolerance) => Math.abs(given - target) <= within + 1e-9 * Math.max(Math.abs(target), within);
    if (near(answer)) return { right: true, say: [reasonIn(check.querySelector(".self-check-reason[data-right]"))] };
    const known = [...check.querySelectorAll(".self-check-reason[data-number]")];
    const mistake = known.find((reason) => near(Number(reason.dataset.number), Number(reason.dataset.within)));
    if (mistake) return { right: false, say: [reasonIn(mistake)] };
    const way = given > answer ? "too large" : "too small";
    let hint = "Write the calculation down term by term, and look at each sign and each factor.";
    if (answer !== 0 && near(-answer)) hint = "Its size is right: look at the sign.";
    else if (Math.abs(given - answer) <= 10 * tolerance) hint = "It is close: keep more digits until the end.";
    return { right: false, say: [`The number is ${way}. ${hint}`] };
  }

  function order(check) {
    const items = [...check.querySelectorAll(".self-check-order > li")];
    const wrong = items.findIndex((item, k) => Number(item.dataset.place) !== k + 1);
    if (wrong < 0) {
      const list = element("ol");
      for (const item of items) list.append(element("li", reasonIn(item.querySelector(".self-check-reason"))));
      return { right: true, say: [list] };
    }
    items[wrong].classList.add("is-wrong");
    const what = quoted(items[wrong].querySelector(".self-check-text"));
    const reason = reasonIn(items[wrong].querySelector(".self-check-reason"));
    return { right: false, say: [`The first item out of place is number ${wrong + 1}: `, what, reason] };
  }

  const kinds = { choice, several, number, order };

  function start(check) {
    const status = check.querySelector(".self-check-status");
    const button = check.querySelector("[data-action=check]");
    const list = check.querySelector(".self-check-order");
    const shuffled = list ? [...list.children] : [];
    const again = element("button", "Start again");
    again.type = "button";
    again.hidden = true;
    button.after(" ", again);

    // The answer has changed: what was said about the old one no longer holds.
    const forget = () => {
      status.replaceChildren();
      delete status.dataset.verdict;
      for (const node of check.querySelectorAll(".is-right, .is-wrong")) node.classList.remove("is-right", "is-wrong");
      check.querySelector("[aria-invalid]")?.removeAttribute("aria-invalid");
    };

    const judge = () => {
      forget();
      const { right, say } = kinds[check.dataset.kind](check);
      if (right !== null) {
        status.dataset.verdict = right ? "right" : "wrong";
        status.append(element("strong", right ? "✓ Right." : "✗ Not yet."), " ");
        again.hidden = false;
      }
      status.append(...say);
    };

    // The first item cannot go up, the last cannot go down. Such a button keeps the focus: one more press must not undo a move.
    const isEnd = (pressed) => pressed.getAttribute("aria-disabled") === "true";
    const setEnds = () => {
      const items = [...list.children];
      items.forEach((item, k) => {
        item.querySelector("[data-move='-1']").setAttribute("aria-disabled", k === 0);
        item.querySelector("[data-move='1']").setAttribute("aria-disabled", k === items.length - 1);
      });
    };

    const move = (pressed) => {
      const item = pressed.closest("li");
      if (isEnd(pressed)) {
        forget();
        status.append(`Not moved: this is the ${pressed.dataset.move === "1" ? "last" : "first"} item.`);
        return;
      }
      if (pressed.dataset.move === "1") item.nextElementSibling.after(item);
      else item.previousElementSibling.before(item);
      setEnds();
      pressed.focus();
      forget();
      const items = [...list.children];
      status.append(`Moved to place ${items.indexOf(item) + 1} of ${items.length}.`);
    };

    button.addEventListener("click", judge);
    check.addEventListener("input", forget);
    check.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && event.target.matches("input")) {
        event.preventDefault();
        judge();
      }
    });
    again.addEventListener("click", () => {
      forget();
      for (const input of check.querySelectorAll("input")) {
        input.checked = false;
        if (input.type === "text") input.value = "";
      }
      if (list) {
        list.append(...shuffled);
        setEnds();
      }
      again.hidden = true;
      check.querySelector("input, .self-check-order button:not([aria-disabled=true])").focus();
    });
    list?.addEventListener("click", (event) => {
      const pressed = event.target.closest("[data-move]");
      if (pressed) move(pressed);
    });
  }

  document.querySelectorAll("fieldset.self-check").forEach(start);
})();
