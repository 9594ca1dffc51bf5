// Below a cell that shows something surprising stands a question. While it waits for a guess the
// outcome is hidden; a guess, or a click on what shows it anyway, brings it, and says how it came.
"use strict"

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties)
  made.append(...children)
  return made
}

function ask(box) {
  const { ask, choices, came } = JSON.parse(box.dataset.guess)
  const cell = box.closest(".cell")
  const ways = element("span", { className: "ways" })
  const status = element("p", { role: "status" })
  const show = said => {
    cell.classList.remove("asks")
    if (said) status.replaceChildren(...told(said, came))
    if (said && came !== undefined)
      box.dataset.verdict = said.trim() === String(came) ? "came" : "surprise"
    ways.remove()
  }
  if (choices)
    ways.append(...choices.map(word => element("button", { type: "button", onclick: () => show(word) }, word)))
  else {
    const field = element("input", { type: came === undefined ? "text" : "number", ariaLabel: ask })
    const form = element("form", {}, field, element("button", {}, "Guess"))
    form.onsubmit = event => {
      event.preventDefault()
      if (field.value) show(field.value)
    }
    ways.append(form)
  }
  ways.append(element("button", { type: "button", className: "skip", onclick: () => show("") }, "Show it"))
  box.querySelector("p").replaceChildren(element("b", {}, "Your guess:"), ` ${ask}`)
  box.setAttribute("role", "group")
  box.setAttribute("aria-label", "Your guess")
  box.append(ways, status)
  cell.classList.add("asks")
}

function told(said, came) {
  const guessed = `You guessed “${said}”`
  if (came === undefined) return [`${guessed}. Did it come so?`]
  if (said.trim() === String(came)) return [element("b", {}, "✓ As it came."), ` ${guessed}.`]
  return [element("b", {}, "! A surprise."), ` ${guessed}: it is “${came}”.`]
}

document.querySelectorAll(".guess").forEach(ask)
