// The whole: it shows one snapshot for each change, and sends one message for each click.
const PATIENCE = 4000  // ms for an answer
const GONE = "The kernel does not answer: it is busy, or it has ended. If it has, run the cell again."

const SIGNS = { works: "✓ ", fails: "✗ ", waits: "… ", cancelled: "✗ " }

function render({ model, el }) {
  let now = model.get("snapshot"), timer = 0
  const status = element("p", { className: "wb-status", role: "status" })
  const say = text => {
    status.className = "wb-status"
    status.replaceChildren(text)
  }
  const page = {
    send(message) {
      clearTimeout(timer)
      timer = setTimeout(() => say(GONE), PATIENCE)
      try {
        model.send(message)
      } catch {
        say(GONE)
      }
    },
    say, refresh: () => update(),
    choices: () => ({ protocol: top.protocol.value, line: now.line.up }),
    async copy() {
      text.value = now.program
      listing.open = true
      text.select()
      const works = await navigator.clipboard?.writeText(now.program).then(() => true, () => false)
      say(works ? "Copied: a program of plain Python." : "The program is below: copy it from there.")
    },
    full() {
      if (document.fullscreenElement) return document.exitFullscreen()
      root.requestFullscreen?.().catch(() => root.classList.toggle("wb-full"))
    },
  }
  const top = bar(page)
  const names = Object.keys(now.programs)
  const programs = names.map(name => program(name, page))
  const happened = picture("what has happened")
  const states = diagram()
  const rows = table()
  const note = element("p", { className: "wb-note" })
  const text = element("textarea", { readOnly: true, rows: 16, ariaLabel: "the program", spellcheck: false })
  const listing = element("details", {}, element("summary", {}, "What was clicked, as a program"), text)
  const root = element("div", { className: "sockutils-workbench", role: "group", ariaLabel: "workbench" },
    top.root, top.said, element("div", { className: "wb-programs" }, ...programs.map(each => each.root)),
    status, note, element("div", { className: "wb-pictures" }, 
      element("div", {}, happened.root, rows.root), states.root), listing)
  root.dataset.lmSuppressShortcuts = "true"
  root.onkeydown = event => event.stopPropagation()  // to a slide show, or the notebook

  function update() {
    now = model.get("snapshot")
    const shown = name => now.shown.includes(name) || top.second.checked
    top.update(now)
    top.second.checked ||= now.shown.includes("second")
    root.classList.toggle("wb-three", now.shown.includes("second"))
    names.forEach((name, place) => programs[place].update(now.programs[name], shown(name)))
    happened.update(now.picture, now.text, now.steps)
    states.update(now.diagram, now.rows)
    rows.update(now.rows)
    note.textContent = now.note
    note.hidden = !now.note
    if (listing.open) text.value = now.program
    listing.hidden = !now.steps
    tell()
  }

  function tell() {
    if (now.refused) return say(now.refused)
    status.className = `wb-status wb-is-${now.said.at(-1)?.kind}`
    status.replaceChildren(...now.said.flatMap(({ line, kind, sentence, place }) => [
      element("span", { className: "wb-code" }, `${SIGNS[kind] ?? ""}${line}`), ` ${sentence} `,
      element("span", { className: "wb-place" }, place && `Shown in ${place}`), " "]))
  }

  const answer = () => { clearTimeout(timer); update() }
  model.on("change:snapshot", answer)
  update()
  el.append(root)
  return () => { clearTimeout(timer); model.off("change:snapshot", answer) }
}

export default { render }
