// Puts the drawing in the place of its image: there it has the theme's colours, its text can be
// selected. Only the image before this script, since another may be a stranger's.
const image = document.currentScript.previousElementSibling
const count = window.sockutilsPictures = (window.sockutilsPictures ?? 0) + 1
const style = (id, text) => document.getElementById(id) ||
  document.head.insertAdjacentHTML("beforeend", `<style id="${id}">${text}</style>`)
style("sk-page", "svg.sk{display:block;max-width:100%;height:auto}THEMES")
image.insertAdjacentHTML("afterend",
  atob(image.src.split(",")[1]).replace(/\bsk(?=\d)/g, `sk${count}-`))
const svg = image.nextElementSibling
svg.setAttribute("role", "img")
svg.setAttribute("aria-label", image.alt)
image.remove()
