// The kernel's rows, with both queues as bars.
function table() {
  const body = element("tbody")
  const heads = ["end", "state", "local", "remote", "to read", "to be confirmed"]
  const root = element("table", { className: "wb-table" },
    element("caption", {}, "What the kernel has"),
    element("thead", {}, element("tr", {}, ...heads.map(each => element("th", { scope: "col" }, each)))),
    body)
  let known = new Map()
  const bar = ({ words, full }) => {
    const inside = element("span", { className: "wb-fill" })
    inside.style.width = `${Math.round(full * 100)}%`
    return element("td", {}, element("span", { className: "wb-bar-words" }, words),
      element("span", { className: "wb-queue", ariaHidden: "true" }, inside))
  }
  function update(rows) {
    const seen = new Map()
    body.replaceChildren(...rows.map(row => {
      const name = `${row.program} ${row.name} ${row.remote}`
      seen.set(name, JSON.stringify(row))
      const changed = known.has(name) && known.get(name) !== seen.get(name) || known.size && !known.has(name)
      return element("tr", { className: `wb-${row.program}${changed ? " wb-changed" : ""}` },
        element("th", { scope: "row" }, row.name), element("td", { className: "wb-state" }, row.state),
        element("td", {}, row.local), element("td", {}, row.remote), ...row.queues.map(bar))
    }))
    root.hidden = !rows.length
    known = seen
  }
  return { root, update }
}
