// A lesson as slides, live: F8 starts and ends them. A slide grows cell by cell: → or PageDown goes
// on, ← or PageUp goes back, Ctrl+Enter runs a cell, Esc leaves a slider. An output shows when its
// cell has run here. Cells that only import are run at the start, and skipped. A cell that does not
// fit below its question shows its last lines; a click into it shows all. N opens a window with the
// lecturer's notes. And a lesson on paper: Ctrl+P prints all of it.
// JupyterLab loads this file as it is: a container with one plugin, and nothing to build.

{  // its names are its own
const STYLE = `
body:has(.sockutils-slides) .lm-Widget { contain: none !important }
body:has(.sockutils-slides) :is(#jp-top-panel, #jp-menu-panel, #jp-bottom-panel, .jp-SideBar),
.sockutils-slides :is(.jp-Toolbar, .jp-cell-toolbar, .jp-InputPrompt, .jp-OutputPrompt),
.sockutils-slides :is(.jp-Notebook-footer, .sockutils-later),
.sockutils-slides .jp-CodeCell:not(.sockutils-ran) .jp-Cell-outputWrapper { display: none !important }
.sockutils-slides { position: fixed !important; inset: 0 !important; z-index: 9;
  width: auto !important; height: auto !important;
  --jp-content-font-size1: 22px; --jp-code-font-size: 19px; --jp-ui-font-size1: 20px;
  --jp-widgets-font-size: 20px; --jp-cell-prompt-width: 0px }
.sockutils-slides .jp-OutputArea :is(table, button, select, input, p) { font-size: 20px }
.sockutils-slides .jp-RenderedHTMLCommon table { font-size: 20px }
.sockutils-slides .sk-table :is(th, td) { padding: .25em .4em }
.sockutils-slides .sk-table td:nth-last-child(-n + 2) { white-space: normal }
.sockutils-slides .jp-Notebook { position: absolute !important; inset: 0 0 32px !important;
  width: auto !important; height: auto !important; --jp-notebook-scroll-padding: 0px }
.sockutils-foot { position: fixed; z-index: 10; inset: auto 0 0; height: 32px; padding: 0 12px;
  display: flex; justify-content: space-between; align-items: center; font-size: 18px;
  color: var(--jp-ui-font-color2); background: var(--jp-layout-color0) }
.sockutils-folded:not(:has(.cm-focused)) .jp-InputArea-editor { display: flex; overflow: hidden;
  flex-direction: column; justify-content: flex-end; max-height: var(--sockutils-room) }
.sockutils-folded:not(:has(.cm-focused)) .jp-InputArea-editor > * { flex: none }
.sockutils-folded:not(:has(.cm-focused)) .jp-InputArea-editor::before {
  content: attr(data-folded); position: absolute; z-index: 1; inset: 0 0 auto; padding: 2px 6px;
  font: italic 17px sans-serif; color: var(--jp-ui-font-color2);
  background: var(--jp-cell-editor-background); border-bottom: 1px dashed }
@media print {
  @page { margin: 12mm }
  html, body, #main, .lm-Widget, .jp-WindowedPanel-outer, .jp-WindowedPanel-inner, .jp-WindowedPanel-viewport {
    position: static !important; contain: none !important; overflow: visible !important;
    width: auto !important; height: auto !important; min-height: 0 !important;
    max-height: none !important; transform: none !important; content-visibility: visible !important }
  .jp-mod-noOutputs .jp-OutputArea, .lm-mod-hidden, .jp-Toolbar, .jp-cell-toolbar, .jp-Collapser,
  .jp-SideBar, .jp-Notebook-footer, .jp-InputPrompt, .jp-OutputPrompt, .lm-TabBar, .lm-SplitPanel-handle,
  .sockutils-foot, #jp-top-panel, #jp-menu-panel, #jp-bottom-panel, #jp-left-stack, #jp-right-stack,
  #jp-title-panel-title, .jp-skiplink { display: none !important }
  #jp-main-content-panel, #jp-main-dock-panel, .jp-MainAreaWidget { border: 0 !important;
    padding: 0 !important; margin: 0 !important; box-shadow: none !important }
  * { print-color-adjust: exact }
  .jp-NotebookPanel .cm-content { white-space: pre-wrap !important; overflow-wrap: anywhere }
  .jp-NotebookPanel .jp-OutputArea-output pre { white-space: pre-wrap !important }
  .jp-NotebookPanel :is(svg.sk, img, table, tr, .jp-InputArea) { break-inside: avoid }
  .jp-NotebookPanel :is(h1, h2, h3) { break-after: avoid }
}
`

const kind = cell => cell.model.getMetadata("slideshow")?.slide_type
const source = cell => cell.model.sharedModel.getSource()
const growing = new ResizeObserver(view)
const foot = document.createElement("div")
foot.className = "sockutils-foot"
let notebook  // the one that is shown as slides
let before  // its settings
let beside  // the window with the lecturer's notes
let ticking

function imports(cell) {
  if (cell.model.type !== "code") return false
  const lines = source(cell).split("\n").filter(Boolean)
  return lines.length > 0 && lines.every(line => /^(import |from |\)|[\s#])/.test(line))
}

function show() {
  const cells = notebook.widgets, here = notebook.activeCellIndex
  let first = here
  while (first > 0 && kind(cells[first]) !== "slide") first -= 1
  cells.forEach((cell, place) => {
    cell.toggleClass("sockutils-later", place < first || place > here || imports(cell))
    cell.model.stateChanged.connect(ran)  // once, however often it is called
  })
  view()
  requestAnimationFrame(view)  // JupyterLab has scrolled to the cell meanwhile
  if (notebook.mode === "command") cells[here].node.focus()
  growing.disconnect()
  for (const output of cells[here].node.querySelectorAll(".jp-Cell-outputWrapper"))
    growing.observe(output)
  tell()
}

function view() {
  if (!foot.isConnected) return  // the slides are over
  fold()
  const cells = notebook.widgets, here = notebook.activeCellIndex
  for (const each of [cells[here - 1], cells[here]])  // its question, if there is room for both
    each?.node.scrollIntoView({ block: "nearest" })
}

// What is on the screen with a cell: the question above it, its last lines, and its output.
function fold() {
  const cells = notebook.widgets, here = notebook.activeCellIndex, { node, model } = cells[here]
  node.classList.remove("sockutils-folded")
  const editor = node.querySelector(".jp-InputArea-editor")
  if (model.type !== "code" || node.querySelector(".cm-focused")) return
  const question = cells[here - 1]?.model.type === "markdown" ? cells[here - 1].node.offsetHeight : 0
  const line = node.querySelector(".cm-line")?.offsetHeight ?? 24
  const rest = node.offsetHeight - editor.offsetHeight + question
  const room = Math.max(notebook.node.clientHeight - rest, 5 * line)
  if (editor.offsetHeight <= room) return
  const left = Math.ceil((editor.offsetHeight - room) / line) + 1
  editor.dataset.folded = `… ${left} lines above: click to see them`
  node.style.setProperty("--sockutils-room", `${room}px`)
  node.classList.add("sockutils-folded")
}

function go(way) {
  let place = notebook.activeCellIndex + way
  while (notebook.widgets[place] && imports(notebook.widgets[place])) place += way
  if (notebook.widgets[place]) notebook.activeCellIndex = place
}

function tell() {
  const cells = notebook.widgets, here = notebook.activeCellIndex
  const slides = cells.filter(cell => kind(cell) === "slide")
  const slide = cells.findLast((cell, place) => kind(cell) === "slide" && place <= here)
  const place = slides.indexOf(slide), next = slides[place + 1]
  const clock = new Date().toLocaleTimeString("en-GB", { timeStyle: "short" })
  foot.innerHTML = `<span>${place + 1} / ${slides.length}</span><span>${clock}</span>`
  if (!beside || beside.closed) return
  const notes = cells.map(cell => cell.model.getMetadata("lecture"))
  const minutes = notes.map(note => note?.minutes ?? 0)
  const total = end => minutes.slice(0, end).reduce((sum, each) => sum + each, 0)
  const from = notes.findLastIndex((note, place) => note && place <= here)
  const lines = [title(slide), `minute ${total(from)} to ${total(from + 1)} of ${total()}`]
  const { ask, beware } = notes[from] ?? {}
  if (ask) lines.push(`Ask: ${ask}`)
  if (beware) lines.push(`Beware: ${beware}`)
  lines.push(`Slide ${place + 1} of ${slides.length}, ${clock}`)
  if (next) lines.push(`Next: ${title(next)}`, text(next))
  beside.document.body.innerText = lines.join("\n\n")
}

function title(cell) {
  return source(cell).split("\n")[0].replace(/^#+ /, "")
}

function text(cell) {
  return source(cell).split("\n").slice(1).join("\n").trim()
}

function openNotes() {
  beside = open("", "sockutils-notes", "popup,width=640,height=640")
  beside.document.title = "Notes"
  beside.document.body.style.font = "20px/1.4 sans-serif"
  tell()
}

function ran(model, change) {
  if (change.name !== "executionCount") return
  notebook.widgets.find(cell => cell.model === model).addClass("sockutils-ran")
}

async function start(panel, commands) {
  notebook = panel.content
  before = notebook.notebookConfig
  notebook.notebookConfig = { ...before, windowingMode: "none" }
  panel.addClass("sockutils-slides")
  document.body.append(foot)
  ticking = setInterval(tell, 10_000)
  notebook.activeCellChanged.connect(show)
  show()
  await importAll(commands)
}

// What they import is there before the first cell that is shown needs it.
async function importAll(commands) {
  const here = notebook.activeCellIndex
  notebook.activeCellChanged.disconnect(show)
  for (const cell of notebook.widgets.filter(imports)) {
    notebook.activeCellIndex = notebook.widgets.indexOf(cell)
    await commands.execute("notebook:run-cell")
  }
  notebook.activeCellIndex = here
  notebook.activeCellChanged.connect(show)
  show()
}

function end(panel) {
  growing.disconnect()
  clearInterval(ticking)
  notebook.activeCellChanged.disconnect(show)
  for (const cell of notebook.widgets) {
    cell.model.stateChanged.disconnect(ran)
    for (const name of ["later", "folded", "ran"]) cell.removeClass(`sockutils-${name}`)
  }
  foot.remove()
  panel.removeClass("sockutils-slides")
  notebook.notebookConfig = before
  // Lumino has laid it out for the window.
  panel.processMessage({ type: "resize", width: -1, height: -1, isConflatable: false })
}

function toggle(panel, commands) {
  if (panel.hasClass("sockutils-slides")) end(panel)
  else start(panel, commands)
}

function activate({ commands, shell }) {
  const style = Object.assign(document.createElement("style"), { textContent: STYLE })
  document.head.append(style)
  const add = (name, keys, selector, execute) => {
    commands.addCommand(name, { label: name, execute })
    for (const key of keys) commands.addKeyBinding({ command: name, keys: [key], selector })
  }
  const moving = ".sockutils-slides .jp-Notebook.jp-mod-commandMode:not(.jp-mod-readWrite) :focus"
  add("sockutils:slides", ["F8"], ".jp-Notebook", () => toggle(shell.currentWidget, commands))
  add("sockutils:next", ["ArrowRight", "PageDown"], moving, () => go(1))
  add("sockutils:leave", ["Escape"], ".sockutils-slides .jp-OutputArea :focus", show)
  add("sockutils:notes", ["N"], moving, openNotes)
  add("sockutils:previous", ["ArrowLeft", "PageUp"], moving, () => go(-1))
  add("sockutils:print", ["Accel P"], ".jp-Notebook", () => window.print())
}

const plugin = { id: "sockutils-slides:plugin", autoStart: true, activate }
window._JUPYTERLAB ??= {}
window._JUPYTERLAB["sockutils-slides"] = { init() {}, get: async () => () => plugin }
}
