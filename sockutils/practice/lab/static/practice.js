// What a learner's clicks say, in JupyterLab and Notebook 7. A guess is asked for in each cell whose
// metadata has one (see sockutils/course/source.py); it is kept there, and told beside the outcome.
// An answer to a question is told to the kernel (sockutils/practice/questions.py).
// JupyterLab loads this file as it is: a container with one plugin, and nothing to build.
"use strict"
{  // its names are no other extension's

// The colours are those of sockutils/figures/colours.py: all else is the theme's.
const STYLE = `
.sockutils-guess, .sockutils-guess span { display: flex; flex-wrap: wrap; gap: .2em .5em;
  align-items: center }
.sockutils-guess { --came: #00775a; --surprise: #b84b00; margin: .3em 0 .3em calc(var(--jp-cell-prompt-width) + 8px); padding: .3em .8em;
  border-left: 4px solid var(--jp-border-color1); color: var(--jp-content-font-color1);
  font: var(--jp-content-font-size1)/1.5 var(--jp-content-font-family) }
[data-jp-theme-light=false] .sockutils-guess { --came: #3dd1a2; --surprise: #ff9d5c }
.sockutils-guess :is(button, input) { font: inherit; padding: .1em .6em; color: inherit;
  background: var(--jp-layout-color0); border: 1px solid var(--jp-content-font-color1); border-radius: 3px }
.sockutils-guess button[aria-pressed=true] { color: var(--jp-layout-color0);
  background: var(--jp-content-font-color1) }
.sockutils-guess[data-verdict=came] { border-color: var(--came) }
.sockutils-guess[data-verdict=surprise] { border-color: var(--surprise) }
.sockutils-guess b { color: var(--came) }
.sockutils-guess[data-verdict=surprise] b { color: var(--surprise) }
.sockutils-guess [hidden] { display: none }
`
const adopted = new WeakSet()

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties)
  made.append(...children)  // text stays text, whoever wrote the notebook
  return made
}

function textOf(model) {
  const outputs = Array.from({ length: model.outputs.length }, (_, place) => model.outputs.get(place))
  const texts = outputs.map(each => each.toJSON())
    .map(({ text, data }) => [text ?? data?.["text/plain"] ?? ""].flat().join(""))
  return texts.join("\n")
}

// "came", "surprise", or nothing where the cell has not shown what it shows in the lesson.
function verdict(model, { said, came, shows, found }) {
  if (!said || model.executionCount === null) return ""
  if (came === undefined) return found ?? ""
  if (!textOf(model).includes(shows)) return ""
  return said.trim() === String(came) ? "came" : "surprise"
}

function told({ said, came }, judged) {
  const guessed = `You guessed “${said}”`
  if (judged === "came") return [element("b", {}, "✓ As it came."), `${guessed}.`]
  if (judged) return [element("b", {}, "! A surprise."), `${guessed}${came === undefined ? "" : `: it is “${came}”`}.`]
  return [`${guessed}.`]
}

class Guess {
  constructor(panel, cell, commands) {
    Object.assign(this, { panel, cell, model: cell.model })
    this.ask = element("span", {}, `Your guess: ${this.guess.ask}`)
    this.ways = element("span")
    this.status = element("span", { role: "status" })
    this.box = element("div", { className: "sockutils-guess", role: "group" })
    this.box.setAttribute("aria-label", "Your guess")
    this.box.dataset.lmSuppressShortcuts = true
    this.box.append(this.ask, this.ways, this.status)
    this.box.onkeydown = event => {
      event.stopPropagation()
      if (event.key === "Escape" || event.key === "Enter" && event.shiftKey) cell.node.focus()
      if (event.key !== "Enter" || !event.shiftKey) return
      event.preventDefault()
      commands.execute("notebook:run-cell-and-select-next")
    }
    cell.node.querySelector(".jp-Cell-inputWrapper").after(this.box)
    this.model.stateChanged.connect(() => this.show())
    this.show()
  }

  get guess() {
    return this.model.getMetadata("guess")
  }

  keep(more) {
    this.model.setMetadata("guess", { ...this.guess, ...more })
    this.show()
  }

  buttons(words, chosen, choose) {
    return words.map(word => {
      const button = element("button", { type: "button", onclick: () => choose(word) }, word)
      button.setAttribute("aria-pressed", word === chosen)
      return button
    })
  }

  // One way to guess for each kind: the buttons or the field stay, so that they keep the focus.
  offer() {
    const { choices, came, said } = this.guess
    if (this.ways.childElementCount) {
      for (const button of this.ways.querySelectorAll("button"))
        button.setAttribute("aria-pressed", button.textContent === said)
    } else if (choices) {
      this.ways.append(...this.buttons(choices, said, said => this.keep({ said })))
      this.ways.childNodes.forEach((button, place) => { button.title = `key ${place + 1}` })
    } else {
      const type = came === undefined ? "text" : "number"
      const field = element("input", { type, value: said ?? "" })
      field.setAttribute("aria-label", this.guess.ask)
      field.oninput = () => this.keep({ said: field.value })
      this.ways.append(field)
    }
  }

  show() {
    if (this.model.executionState === "running") return  // what stands there stays
    const guess = this.guess, ran = this.model.executionCount !== null
    const judged = verdict(this.model, guess)
    this.cell.toggleClass("sockutils-asks", !ran)
    this.box.style.display = ran && !guess.said ? "none" : ""
    this.box.dataset.verdict = judged
    this.ask.hidden = this.ways.hidden = ran
    if (!ran) return this.status.replaceChildren(), this.offer()
    this.ways.replaceChildren()
    this.status.replaceChildren(...told(guess, judged))
    if (guess.came === undefined && !judged) this.status.append(" Did it come so? ",
      ...this.buttons(["yes", "no"], "", word => this.keep({ found: word === "yes" ? "came" : "surprise" })))
    for (const place of this.panel.node.querySelectorAll(".sockutils-guesses")) sum(this.panel, place)
  }

  take(digit) {
    const field = this.ways.querySelector("input"), button = this.ways.querySelectorAll("button")[digit - 1]
    button?.click()
    if (field?.type !== "number") return
    field.value = digit
    field.focus()
    this.keep({ said: String(digit) })
  }
}

// The guesses of a lesson, told in the place that its score has for them.
function sum({ content }, place) {
  const models = content.widgets.map(cell => cell.model).filter(model => model.getMetadata("guess"))
  const all = models.map(model => ({ ...model.getMetadata("guess"), judged: verdict(model, model.getMetadata("guess")) }))
  const count = kind => all.filter(each => each.judged === kind).length
  const guessed = all.filter(each => each.said).length
  if (!all.length) return
  const surprises = all.filter(each => each.judged === "surprise")
  const line = `You guessed ${guessed} of ${all.length}; ${count("came")} as it came.`
  const list = surprises.map(({ ask, said, came }) =>
    element("li", {}, `${ask} You said ${said}${came === undefined ? "" : `; it is ${came}`}.`))
  place.replaceChildren(element("p", {}, line + (list.length ? " You were surprised by:" : "")))
  if (list.length) place.append(element("ul", {}, ...list))
}

const panels = shell => [...shell.widgets("main")].filter(each => each.content?.model && each.sessionContext)
const panelOf = (shell, node) => panels(shell).find(each => each.node.contains(node))

function activate({ commands, shell, restored }) {
  document.head.append(element("style", { textContent: STYLE }))
  const guesses = new WeakMap()  // by their cells

  async function adopt(panel) {
    if (!panel?.content?.widgets || !panel.context) return
    await panel.context.ready
    const look = () => panel.content.widgets.forEach(async cell => {
      if (adopted.has(cell) || !cell.model.getMetadata("guess") || cell.model.type !== "code") return
      adopted.add(cell)
      await cell.ready
      if (!cell.isDisposed) guesses.set(cell, new Guess(panel, cell, commands))
    })
    if (!adopted.has(panel)) panel.content.model.cells.changed.connect(look)
    adopted.add(panel)
    look()
  }

  shell.currentChanged.connect((_, { newValue }) => adopt(newValue))
  restored.then(() => adopt(shell.currentWidget))
  const execute = ({ digit }) => guesses.get(shell.currentWidget.content.activeCell)?.take(digit)
  commands.addCommand("sockutils:guess", { label: "Guess", execute })
  const selector = ".jp-Notebook.jp-mod-commandMode:not(.jp-mod-readWrite) .jp-Cell.sockutils-asks:focus"
  for (let digit = 1; digit < 10; digit += 1)
    commands.addKeyBinding({ command: "sockutils:guess", keys: [`${digit}`], args: { digit }, selector })

  document.addEventListener("sockutils-score", ({ target }) => {
    const panel = panelOf(shell, target)
    if (panel) sum(panel, target)
  })
  document.addEventListener("sockutils-answer", event => {
    const kernel = panelOf(shell, event.target)?.sessionContext.session?.kernel
    if (!kernel) return
    event.preventDefault()  // heard
    const { more, ...answer } = event.detail
    const comm = kernel.createComm("sockutils.practice")
    comm.onMsg = ({ content }) => {
      if (content.data.trouble) more(content.data.trouble)
      comm.close()
    }
    comm.open(answer)
  })
}

const plugin = { id: "sockutils-practice:plugin", autoStart: true, activate }
window._JUPYTERLAB ??= {}
window._JUPYTERLAB["sockutils-practice"] = { init() {}, get: async () => () => plugin }
}
