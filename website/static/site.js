// The picture of the first page plays by itself, once, unless somebody wants no motion.
"use strict"
if (!matchMedia("(prefers-reduced-motion: reduce)").matches)
  document.querySelector(".showcase .sk-bar button")?.click()
