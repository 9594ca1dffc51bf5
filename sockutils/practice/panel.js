// A panel: controls above the result of one run. A position that was run beforehand answers at
// once, with no kernel; any other is asked of the kernel, through an event that the JupyterLab
// extension in sockutils/panels takes. What is not wanted any more when its turn comes is not asked.
const root = document.currentScript.parentElement
const [result, note] = root.children
const number = window.sockutilsPanels = (window.sockutilsPanels ?? 0) + 1
if (!document.getElementById("sk-panel"))
  document.head.insertAdjacentHTML("beforeend", `<style id="sk-panel">
.sk-panel{container-type:inline-size;max-width:1100px}
.sk-panel fieldset{all:unset;display:grid;grid-template-columns:max-content 1fr;gap:.4em 1em;
align-items:start;margin-bottom:.6em;font-size:1.1em}
.sk-panel fieldset :is(input,select,button){font:inherit;margin:0}
.sk-panel .sk-set{display:flex;gap:1em;align-items:start;min-width:0}
.sk-panel .sk-line{position:relative;flex:1;min-width:0}
.sk-panel input[type=range]{width:100%;display:block;height:1.3em;accent-color:#0072b2}
.sk-panel input[type=checkbox]{width:1.1em;height:1.1em;accent-color:#0072b2}
.sk-panel select{max-width:100%;padding:.1em .3em}
.sk-panel .sk-ticks{position:relative;display:block;height:1.2em;font-size:.8em}
.sk-panel .sk-ticks i{position:absolute;transform:translateX(-50%);font-style:normal;
white-space:nowrap;line-height:1.2}
.sk-panel .sk-value{min-width:6em;font-weight:bold;text-align:right;font-variant-numeric:tabular-nums}
.sk-panel .sk-result{transition:opacity .1s}
.sk-panel :is([aria-busy=true],.sk-old){opacity:.35}
.sk-panel .sk-state{grid-column:2;min-height:1.3em;font-style:italic}
.sk-panel fieldset[disabled]{opacity:.6}
.sk-panel .sk-note button{font:inherit;margin-left:.5em}
IN_DARK{color-scheme:dark}
@media print{.sk-panel .sk-note,.sk-panel .sk-state{display:none}}</style>`)

const place = panel.controls.map(each => each.start)
let answers = {}  // of positions that were run beforehand: HTML
let shown = String(place)
let asking = false
root.insertAdjacentHTML("afterbegin", `<fieldset>${panel.controls.map(row).join("")}
<span class="sk-state" role="status"></span></fieldset>`)
root.insertBefore(note, result)
const fields = root.querySelector("fieldset"), state = root.querySelector(".sk-state")
const inputs = [...fields.querySelectorAll("input,select")]
const outputs = [...fields.querySelectorAll(".sk-value")]

function row({ name, kind, labels, start, ticks }, at) {
  const id = `sk-panel-${number}-${at}`, last = Math.max(labels.length - 1, 1)
  const marks = ticks.map(each => `<i style="left:calc(8px + (100% - 16px) * ${each / last})">
${labels[each]}</i>`).join("")
  const points = ticks.map(each => `<option value="${each}">`).join("")
  const chosen = each => each === start ? " selected" : ""
  const fields = {
    slider: () => `<span class="sk-line"><input type="range" id="${id}" max="${last}"
value="${start}" list="${id}-ticks"><datalist id="${id}-ticks">${points}</datalist>
<span class="sk-ticks" aria-hidden="true">${marks}</span></span>`,
    list: () => `<select id="${id}">${labels.map((label, each) =>
      `<option value="${each}"${chosen(each)}>${label}</option>`).join("")}</select>`,
    switch: () => `<input type="checkbox" id="${id}"${start ? " checked" : ""}>`,
  }
  return `<label for="${id}">${name}</label><span class="sk-set">${fields[kind]()}
<span class="sk-value" aria-hidden="true"></span></span>`
}

function tell() {
  panel.controls.forEach(({ kind, labels, unit }, at) => {
    const words = `${labels[place[at]]} ${unit}`.trim()
    if (kind === "slider") inputs[at].ariaValueText = outputs[at].textContent = words
    else outputs[at].textContent = kind === "list" ? unit : ""
  })
}

function fill(node, html) {
  node.innerHTML = html
  for (const script of node.querySelectorAll("script")) {  // it does not run by itself
    const live = Object.assign(document.createElement("script"), { text: script.text })
    script.replaceWith(live)
    live.remove()
  }
}

function show(html) {
  fill(result, html)
  shown = String(place)
  result.classList.remove("sk-old")
  reserve(result.offsetHeight)
}

let tallest = 0
function reserve(height) {  // whatever is shown next is not lower; what is below stays there
  if (!root.clientWidth || height <= tallest) return
  tallest = height
  result.style.minHeight = `${100 * height / root.clientWidth}cqw`
}

function moved(released) {
  inputs.forEach((each, at) =>
    place[at] = Number(each.type === "checkbox" ? each.checked : each.value))
  tell()
  const known = answers[place]
  if (known) show(known)
  else if (released) follow()
  else result.classList.add("sk-old")
}

async function follow() {
  if (asking) return  // it goes on with what is wanted then
  asking = true
  while (String(place) !== shown && !answers[place]) {
    const wanted = String(place)
    result.ariaBusy = true
    state.textContent = "running …"
    const html = await ask([...place])
    if (html === null) break
    if (wanted === String(place)) show(html)
  }
  asking = result.ariaBusy = false
  state.textContent = ""
}

// The answer of this position, or null: the kernel does not know the panel, or nobody listens.
async function ask(position) {
  const detail = { key: panel.key, place: position }
  root.dispatchEvent(new CustomEvent("sockutils-panel", { bubbles: true, detail }))
  const late = detail.alive || setTimeout(() => still(detail), 1000)  // a kernel may take its time
  const html = await (detail.answer ?? null)
  clearTimeout(late)
  if (html === null) still(detail)
  else moves()
  return html
}

function moves() {
  note.hidden = true
  fields.disabled = false
}

function still({ run }) {
  note.hidden = false
  fields.disabled = true
  if (!run) return
  note.innerHTML = 'To move it, run this cell. <button>Run this cell</button>'
  note.querySelector("button").onclick = run
}

root.addEventListener("keydown", event => {
  const { key, ctrlKey, shiftKey, altKey, metaKey } = event
  const meant = ctrlKey || altKey || metaKey || (shiftKey && key === "Enter") || /^F\d+$/.test(key)
  if (meant) return  // for JupyterLab; it would take the arrow keys, too, and so would slides
  if (key !== "Escape") return event.stopPropagation()
  document.activeElement.blur()
  root.closest(".jp-Cell")?.focus()
})
for (const input of inputs) {
  input.addEventListener("input", () => moved(false))
  input.addEventListener("change", () => moved(true))
}
tell()

async function unpack(text) {
  const bytes = Uint8Array.from(atob(text), letter => letter.charCodeAt())
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"))
  answers = await new Response(stream).json()
}

note.hidden = true
const unpacked = panel.answers && unpack(panel.answers)

// In JupyterLab this runs before the output is on the page.
new IntersectionObserver(async ([{ isIntersecting }], observer) => {
  if (!isIntersecting) return
  observer.disconnect()
  reserve(result.offsetHeight)
  if (!panel.answers) return ask(null)
  await unpacked
  const probe = root.appendChild(result.cloneNode(false))
  probe.style = `position:absolute;visibility:hidden;width:${result.clientWidth}px`
  for (const html of new Set(Object.values(answers))) {
    fill(probe, html)
    reserve(probe.offsetHeight)
  }
  probe.remove()
}).observe(root)

