// A program: which socket, a button for each call, the fields for their arguments.
const CALLED = ["socket", "bind", "listen", "connect", "accept", "send", "recv", "sendto", "recvfrom",
  "shutdown", "close"]
const MORE = ["setsockopt", "getsockopt"]
const FIELDS = { port: "5100", backlog: "1", data: "hello", bytes: "100" }

function program(name, page) {
  let state = { sockets: [], fresh: name, accepted: "connection", waits: "" }
  const fields = {}
  const input = (label, value) => fields[label] = element("input", { value, ariaLabel: label, size: 6 })
  for (const [label, value] of Object.entries(FIELDS)) input(label, value)
  fields.how = choice("how", HOW)
  fields.flags = choice("flags", FLAGS)
  fields.option = choice("option", Object.keys(OPTIONS))
  fields.option.onchange = () => fields.value.value = OPTIONS[fields.option.value][1]
  input("value", "1")
  const socket = element("select", { ariaLabel: "socket" })
  const waits = element("p", { className: "wb-waits", hidden: true })
  const cancel = element("button", { onclick: () => page.send({ do: `${name}: cancel` }) }, "Cancel")
  const own = element("input", { ariaLabel: "line of code", placeholder: "any other call, then Enter",
    onkeydown: event => { if (event.key === "Enter") run(own.value) } })

  const values = () => Object.fromEntries(Object.entries(fields).map(([key, each]) => [key, each.value]))
  const open = accepted => state.sockets.findLast(each => each.open && each.accepted === accepted)
  // As usual: a listener listens and accepts, all else is done with the newest socket.
  const usual = call => {
    const made = ["bind", "listen", "accept"].includes(call) ? open(false) : open(true) ?? open(false)
    return (made ?? state.sockets.at(-1))?.name ?? state.fresh
  }
  const line = call => {
    const on = socket.value || usual(call)
    const unix = state.sockets.some(each => each.name === on && each.protocol === "unix")
    return code(call, on, { ...state, unix }, values(), page.choices())
  }
  const run = text => {
    if (state.waits) page.say(`The ${state.title} waits in a call: only Cancel, or somebody else, can end it.`)
    else page.send({ do: `${name}: ${text}` })
  }
  const button = call => {
    const made = element("button", { onclick: () => run(line(call)) }, `${call}()`)
    made.onpointerenter = made.onfocus = () => made.title = own.placeholder = line(call)
    return made
  }
  const calls = CALLED.map(button), more = MORE.map(button)
  const labels = Object.entries(fields).map(([name, field]) => element("label", {}, `${name} `, field))
  const summary = element("summary")
  const summarise = () => summary.textContent =
    `arguments (port ${fields.port.value}, backlog ${fields.backlog.value} …)`
  const given = element("details", { className: "wb-arguments", onchange: summarise }, summary, ...labels, ...more)
  summarise()
  const legend = element("legend")
  const root = element("fieldset", { className: `wb-program wb-${name}` }, legend,
    element("div", { className: "wb-waiting", hidden: true }, waits, cancel),
    element("div", { className: "wb-calls" }, ...calls), own,
    element("label", { className: "wb-socket" }, "socket ", socket), given)

  function update(now, shown) {
    state = now
    root.hidden = !shown
    legend.textContent = now.title
    const names = ["", ...now.sockets.map(each => each.name)]
    if (names.join() !== [...socket.options].map(each => each.value).join()) {
      const before = socket.value
      socket.replaceChildren(...names.map(value => element("option", { value }, value || "as usual")))
      socket.value = names.includes(before) ? before : ""
    }
    const waiting = root.querySelector(".wb-waiting")
    const had = waiting.contains(document.activeElement)
    waiting.hidden = waits.hidden = !now.waits
    waits.textContent = now.waits && `${now.waits} waits …`
    for (const each of [...calls, ...more]) each.ariaDisabled = String(Boolean(now.waits))
    for (const each of calls) if (/to|from/.test(each.textContent)) each.hidden = page.choices().protocol === "TCP"
    if (had && !now.waits) calls[0].focus()
  }
  return { root, update }
}
