// The page of the search: what somebody sees, and why; then the sections that have the words.
"use strict"

const form = document.querySelector(".ask[data-from]")
const count = document.getElementById("count")
const found = document.getElementById("found")
const SHOWN = 20 // sections
const PAUSE = 150 // ms without a key
let data, index, waiting

// The data comes with the first word that is asked for, as a script: so it does from a file, too.
function load(then) {
  if (data) return then()
  globalThis.searchData = come => {
    data = come
    then()
  }
  const onerror = () => count.textContent = "What to search in did not come. Load the page again."
  document.head.append(element("script", { src: form.dataset.from, onerror }))
}

function search() {
  const asked = form.q.value.trim()
  history.replaceState(null, "", asked ? `?q=${encodeURIComponent(asked)}` : location.pathname)
  if (asked) return load(() => show(asked))
  found.replaceChildren()
  count.textContent = ""
}

function show(asked) {
  if (!index) {
    const rows = findSymptoms(asked, data) // they need no index, which takes its time on a phone
    found.replaceChildren(...part("I see this: why?", "ul", rows.map(row)))
    return setTimeout(() => {
      index ??= indexOf(data)
      search()
    })
  }
  const meant = corrected(asked, index, data)
  const rows = findSymptoms(meant, data)
  const sections = findSections(meant, index).slice(0, SHOWN)
  const held = rows.some(each => each.points >= HELD)
  const parts = [part("I see this: why?", "ul", rows.map(row)), part("In the lessons", "ol", sections.map(place))]
  found.replaceChildren(...parts.flat())
  count.textContent = told(asked, meant, rows.length, sections.length)
}

function told(asked, meant, rows, sections) {
  const quoted = meant === asked ? `“${asked}”` : `“${meant}”, instead of “${asked}”`
  if (!rows && !sections) return `Nothing found for ${quoted}. Try fewer words, or the text of the error alone.`
  const all = sections < SHOWN ? sections : `the first ${SHOWN}`
  return `Found for ${quoted}: ${some(rows, "symptom")}, ${all} ${sections === 1 ? "section" : "sections"}.`
}

const some = (number, name) => `${number} ${name}${number === 1 ? "" : "s"}`

const part = (title, kind, items) => items.length ? [element("h2", {}, title), element(kind, {}, ...items)] : []

function row({ symptom: { texts, error, causes }, points }, number) {
  const head = element("summary", {}, element("code", {}, texts[0]), ` ${error}`)
  const open = !number && points >= HELD
  return element("li", { className: "row" }, element("details", { open }, head, element("ol", {}, ...causes.map(cause))))
}

function cause([says, href, title]) {
  const item = element("li", { innerHTML: `${says} ` })
  item.append(element("a", { href }, title))
  return item
}

function place({ page, name, title, begins }) {
  const href = `${page}.html#${encodeURIComponent(name)}`
  return element("li", {}, element("a", { href }, title), ` ${where(page)}`, element("p", {}, begins))
}

function where(page) {
  const lesson = data.pages[page.replace("deeper/", "")]
  return `${lesson ?? ""}${page.startsWith("deeper/") ? ", in depth" : ""}`
}

form.addEventListener("submit", event => {
  event.preventDefault()
  search()
})
form.addEventListener("input", () => {
  clearTimeout(waiting)
  waiting = setTimeout(search, PAUSE)
})
form.q.value = new URLSearchParams(location.search).get("q") ?? ""
form.q.focus() // the answers are the next stops of Tab
if (form.q.value) search()
