// The two pictures. An item of the ladder tells its headers on hover and, with ↑ and ↓, on focus.
function picture(label) {
  const told = element("p", { className: "wb-told" })
  const frame = element("div", { className: "wb-ladder", tabIndex: 0, role: "group", ariaLabel: label })
  let items = [], place = -1
  const tell = () => told.textContent = items[place]?.firstChild.textContent ?? "Point at a packet or a call for more (keys: ↑, ↓)."
  const mark = to => {
    items[place]?.classList.remove("wb-here")
    place = Math.max(0, Math.min(to, items.length - 1))
    items[place]?.classList.add("wb-here")
    items[place]?.scrollIntoView({ block: "nearest" })
    tell()
  }
  frame.onkeydown = event => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key]
    if (!step || !items.length) return
    event.preventDefault()
    mark(place < 0 ? items.length - 1 : place + step)
  }
  frame.onblur = () => { items[place]?.classList.remove("wb-here"); place = -1; tell() }
  frame.onpointerover = event => {
    const found = items.indexOf(event.target.closest(".i"))
    if (found >= 0) told.textContent = items[found].firstChild.textContent
  }
  frame.onpointerleave = tell
  const down = () => frame.scrollTop = frame.scrollHeight
  new ResizeObserver(down).observe(frame)

  function update(svg, text, steps) {
    const before = new Set(items.map(each => `${each.dataset.t}${each.textContent}`))
    frame.innerHTML = svg
    const drawing = frame.firstChild
    drawing.setAttribute("role", "img")
    drawing.setAttribute("aria-label", text || "nothing has happened yet")
    items = [...frame.querySelectorAll(".i")]
    if (steps) for (const each of items)
      each.classList.toggle("wb-new", !before.has(`${each.dataset.t}${each.textContent}`))
    place = -1
    requestAnimationFrame(down)
    tell()
  }
  return { root: element("div", { className: "wb-happened" }, frame, told), update }
}

function diagram() {
  const root = element("div", { className: "wb-states" })
  function update(svg, rows) {
    root.innerHTML = svg
    const lit = rows.filter(row => row.protocol === "tcp").map(row => `${row.name} ${row.state}`)
    root.firstChild.setAttribute("role", "img")
    root.firstChild.setAttribute("aria-label", `TCP's states: ${lit.join(", ") || "none is lit"}`)
  }
  return { root, update }
}
