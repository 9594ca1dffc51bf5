// Below a cell that shows something surprising stands a question. While it waits for a guess, the
// outcome and the sentences on it are hidden; a guess, or a click on what shows it anyway, brings
// them, and says how it came. Who searches the page, or follows a link to them, finds them, too.
"use strict"

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties)
  made.append(...children)
  return made
}

// The outputs of the cell, and the cell of text after it.
function outcome(cell, box) {
  const outputs = [...cell.querySelector(".cell_output").children].filter(each => !each.contains(box))
  const [anchor, ...texts] = following(cell)
  if (!anchor?.matches(".cell-anchor")) return outputs
  const end = texts.findIndex(each => each.matches(".cell, .cell-anchor, section"))
  return [...outputs, anchor, ...texts.slice(0, end < 0 ? undefined : end)]
}

function following(node) {
  const found = []
  while ((node = node.nextElementSibling)) found.push(node)
  return found
}

function ask(box) {
  const { ask, choices, came } = JSON.parse(box.dataset.guess)
  const parts = outcome(box.closest(".cell"), box)
  const ways = element("div", { className: "ways" })
  const status = element("p", { role: "status" })
  const show = said => {
    for (const part of parts) part.hidden = false
    ways.remove()
    if (!said) return
    status.replaceChildren(...told(said, came))
    if (came !== undefined) box.dataset.verdict = said.trim() === String(came) ? "came" : "surprise"
  }
  ways.append(...(choices ? choices.map(word => button(word, () => show(word))) : [field(ask, came, show)]))
  ways.append(button("Show it", () => show("")))
  ways.lastChild.className = "skip"
  box.querySelector("p").replaceChildren(element("b", {}, "Your guess:"), ` ${ask}`)
  box.setAttribute("role", "group")
  box.setAttribute("aria-label", "Your guess")
  box.append(ways, status)
  for (const part of parts) {
    part.hidden = "until-found"
    part.addEventListener("beforematch", () => show(""))
  }
}

const button = (word, onclick) => element("button", { type: "button", onclick }, word)

function field(ask, came, show) {
  const input = element("input", { type: came === undefined ? "text" : "number", ariaLabel: ask, required: true })
  const form = element("form", {}, input, element("button", {}, "Guess"))
  form.onsubmit = event => {
    event.preventDefault()
    show(input.value)
  }
  return form
}

function told(said, came) {
  const guessed = `You guessed “${said}”`
  if (came === undefined) return [`${guessed}. Did it come so?`]
  if (said.trim() === String(came)) return [element("b", {}, "✓ As it came."), ` ${guessed}.`]
  return [element("b", {}, "! A surprise."), ` ${guessed}: it is “${came}”.`]
}

document.querySelectorAll(".guess").forEach(ask)
addEventListener("beforeprint", () => document.querySelectorAll(".guess .skip").forEach(each => each.click()))
// The hash was looked for before anything was hidden, or became as high as it is now.
const target = document.getElementById(decodeURIComponent(location.hash.slice(1)))
target?.dispatchEvent(new Event("beforematch", { bubbles: true }))
target?.scrollIntoView()
