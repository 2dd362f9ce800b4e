// Who has no mouse must be able to scroll what is wider than its box. The theme looks at every box of the page when it
// opens, for which a browser has to lay out a whole lecture; here a box is looked at when it comes near (pages.py takes
// the theme's way out).
addEventListener("DOMContentLoaded", () => {
  const boxes = "div.math, pre, .cell_output > .output, .jp-RenderedHTMLCommon, .pst-scrollable-table-container";
  const near = new Set();
  const mark = (box) => {
    if (box.scrollWidth > box.clientWidth || box.scrollHeight > box.clientHeight) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  };
  const observer = new IntersectionObserver((entries) => entries.forEach(({ target, isIntersecting }) => {
    if (isIntersecting) near.add(target);
    else near.delete(target);
    if (isIntersecting) mark(target);
  }), { rootMargin: "100% 0%" });
  document.querySelectorAll(boxes).forEach((box) => observer.observe(box));
  addEventListener("resize", () => near.forEach(mark));
});
