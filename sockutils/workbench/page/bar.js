// Above all: the story, what is between the programs, and what becomes of it all.
function bar(page) {
  const story = element("select", { ariaLabel: "story", onchange: () => page.send({ story: story.value }) })
  const next = element("button", { className: "wb-next", onclick: () => page.send({ next: 1 }) }, "Next step")
  const back = element("button", { onclick: () => page.send({ back: 1 }) }, "Step back")
  const again = element("button", { onclick: () => page.send({ again: 1 }) }, "Start over")
  const protocol = choice("kind of socket", Object.keys(PROTOCOLS))
  protocol.onchange = () => page.refresh()
  const second = element("input", { type: "checkbox", onchange: () => page.refresh() })
  const line = element("input", { type: "checkbox",
    onchange: () => page.send(line.checked ? { do: "line: up" } : { again: 1 }) })
  const lose = element("button", { onclick: () => page.send({ do: "line: lose" }) }, "Lose the next packet")
  const delay = element("select", { ariaLabel: "delay",
    onchange: () => page.send({ do: `line: delay ${delay.value}` }) },
    ...["0", "0.1", "0.3", "1"].map(value => element("option", { value }, `${value} s delay`)))
  const copy = element("button", { onclick: () => page.copy() }, "Copy as program")
  const full = element("button", { onclick: () => page.full() }, "Full screen")
  const said = element("p", { className: "wb-said" })
  const group = (...children) => element("span", { className: "wb-group" }, ...children)
  const root = element("div", { className: "wb-bar" },
    group(element("label", {}, "Story ", story), next, back, again),
    group(element("label", {}, "Sockets ", protocol),
      element("label", {}, second, " second client"),
      element("label", {}, line, " a line between"), lose, delay),
    group(copy, full))

  function update(now) {
    const names = ["", ...now.story.names]
    if (names.length !== story.options.length)
      story.replaceChildren(...names.map(value => element("option", { value }, value || "none: click freely")))
    story.value = now.story.name
    next.hidden = !now.story.of
    next.ariaDisabled = String(!now.story.next)
    next.textContent = now.story.next ? `Next step (${now.story.at + 1} of ${now.story.of})` : "The end"
    back.ariaDisabled = again.ariaDisabled = String(!now.steps)
    line.checked = now.line.up
    lose.hidden = delay.hidden = !now.line.up
    lose.textContent = now.line.losing ? `Lose the next packet (${now.line.losing})` : "Lose the next packet"
    delay.value = String(now.line.delay)
    said.replaceChildren(now.story.said)
    if (now.story.next) said.append(element("span", { className: "wb-code" }, now.story.next))
    said.hidden = !said.textContent
  }
  return { root, said, second, protocol, update }
}
