"use strict"
// The picture of the first page plays by itself, once, unless somebody wants no motion.
if (!matchMedia("(prefers-reduced-motion: reduce)").matches)
  document.querySelector(".showcase .sk-bar button")?.click()
// What is wider than its place can be scrolled by keys, too.
const wide = new ResizeObserver(changed => {
  for (const { target } of changed)
    if (target.scrollWidth > target.clientWidth) target.tabIndex = 0
    else target.removeAttribute("tabindex")
})
document.querySelectorAll(".content :is(pre, table, .output.text_html)").forEach(each => wide.observe(each))
