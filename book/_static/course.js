// Who has no mouse must be able to scroll a formula that is wider than the window.
(() => {
  const mark = () => document.querySelectorAll("div.math").forEach((box) => {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  });
  addEventListener("load", mark);
  addEventListener("resize", mark);
})();
