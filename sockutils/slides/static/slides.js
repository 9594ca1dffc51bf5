// A lesson as slides, live: F8 starts and ends them. A slide grows cell by cell: → or PageDown goes
// on, ← or PageUp goes back, Ctrl+Enter runs a cell, Esc leaves a slider. An output shows when its
// cell has run here. N opens a window with the lecturer's notes.
// JupyterLab loads this file as it is: a container with one plugin, and nothing to build.

const STYLE = `
body:has(.sockutils-slides) .lm-Widget { contain: none !important }
body:has(.sockutils-slides) :is(#jp-top-panel, #jp-menu-panel, #jp-bottom-panel, .jp-SideBar),
.sockutils-slides :is(.jp-Toolbar, .jp-cell-toolbar, .jp-InputPrompt, .jp-OutputPrompt),
.sockutils-slides :is(.jp-Notebook-footer, .sockutils-later),
.sockutils-slides .jp-CodeCell:not(.sockutils-ran) .jp-Cell-outputWrapper { display: none !important }
.sockutils-slides { position: fixed !important; inset: 0 !important; z-index: 9;
  width: auto !important; height: auto !important;
  --jp-content-font-size1: 22px; --jp-code-font-size: 19px; --jp-widgets-font-size: 18px;
  --jp-cell-prompt-width: 0px }
.sockutils-slides .jp-Notebook { position: absolute !important; inset: 0 !important;
  width: auto !important; height: auto !important }
`

const kind = cell => cell.model.getMetadata("slideshow")?.slide_type
const growing = new ResizeObserver(([output]) => intoView(output.target))
let notebook  // the one that is shown as slides
let beside  // the window with the lecturer's notes

function intoView(node) {
  node.scrollIntoView({ block: "nearest" })
}

function show() {
  const cells = notebook.widgets, here = notebook.activeCellIndex
  let first = here
  while (first > 0 && kind(cells[first]) !== "slide") first -= 1
  cells.forEach((cell, place) => {
    cell.toggleClass("sockutils-later", place < first || place > here)
    cell.model.stateChanged.connect(ran)  // once, however often it is called
  })
  intoView(cells[here].node)
  if (notebook.mode === "command") cells[here].node.focus()
  growing.disconnect()
  for (const output of cells[here].node.querySelectorAll(".jp-Cell-outputWrapper"))
    growing.observe(output)
  tell()
}

function go(way) {
  const place = notebook.activeCellIndex + way
  if (notebook.widgets[place]) notebook.activeCellIndex = place
}

function tell() {
  if (!beside || beside.closed) return
  const cells = notebook.widgets, here = notebook.activeCellIndex
  const notes = cells.map(cell => cell.model.getMetadata("lecture"))
  const minutes = notes.map(note => note?.minutes ?? 0)
  const total = end => minutes.slice(0, end).reduce((sum, each) => sum + each, 0)
  const from = notes.findLastIndex((note, place) => note && place <= here)
  const slide = cells.findLast((cell, place) => kind(cell) === "slide" && place <= here)
  const name = slide.model.sharedModel.getSource().split("\n")[0].replace(/^#+ /, "")
  const lines = [name, `minute ${total(from)} to ${total(from + 1)} of ${total()}`]
  const { ask, beware } = notes[from] ?? {}
  if (ask) lines.push(`Ask: ${ask}`)
  if (beware) lines.push(`Beware: ${beware}`)
  beside.document.body.innerText = lines.join("\n\n")
}

function openNotes() {
  beside = open("", "sockutils-notes", "popup,width=640,height=480")
  beside.document.title = "Notes"
  beside.document.body.style.font = "20px/1.4 sans-serif"
  tell()
}

function ran(model, change) {
  if (change.name !== "executionCount") return
  notebook.widgets.find(cell => cell.model === model).addClass("sockutils-ran")
}

function start(panel) {
  notebook = panel.content
  notebook.notebookConfig = { ...notebook.notebookConfig, windowingMode: "none" }
  notebook.activeCellChanged.connect(show)
  panel.addClass("sockutils-slides")
  show()
}

function end(panel) {
  growing.disconnect()
  notebook.activeCellChanged.disconnect(show)
  for (const cell of notebook.widgets) {
    cell.model.stateChanged.disconnect(ran)
    cell.removeClass("sockutils-later")
  }
  panel.removeClass("sockutils-slides")
}

function toggle(panel) {
  if (panel.hasClass("sockutils-slides")) end(panel)
  else start(panel)
}

function activate({ commands, shell }) {
  const style = Object.assign(document.createElement("style"), { textContent: STYLE })
  document.head.append(style)
  const add = (name, keys, selector, execute) => {
    commands.addCommand(name, { label: name, execute })
    for (const key of keys) commands.addKeyBinding({ command: name, keys: [key], selector })
  }
  const moving = ".sockutils-slides .jp-Notebook.jp-mod-commandMode:not(.jp-mod-readWrite) :focus"
  add("sockutils:slides", ["F8"], ".jp-Notebook", () => toggle(shell.currentWidget))
  add("sockutils:next", ["ArrowRight", "PageDown"], moving, () => go(1))
  add("sockutils:leave", ["Escape"], ".sockutils-slides .jp-OutputArea :focus", show)
  add("sockutils:notes", ["N"], moving, openNotes)
  add("sockutils:previous", ["ArrowLeft", "PageUp"], moving, () => go(-1))
}

const plugin = { id: "sockutils-slides:plugin", autoStart: true, activate }
window._JUPYTERLAB ??= {}
window._JUPYTERLAB["sockutils-slides"] = { init() {}, get: async () => () => plugin }
