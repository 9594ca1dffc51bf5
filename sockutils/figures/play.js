// A picture with items: what each has to tell stands below, on hover and on focus (↑, ↓). If they
// have times it can be played: Space plays and pauses, → and ← step, Esc leaves.
style("sk-play", `.sk .later{opacity:0;pointer-events:none}
.sk .on .a{stroke-dasharray:1;stroke-dashoffset:calc(1 - var(--p))}
.sk .on .z{visibility:hidden}
.sk .on .g{transform:scaleX(var(--p));transform-box:fill-box;transform-origin:left}
.sk .i{pointer-events:bounding-box}.sk .i:is(:hover,:focus){outline:2px solid var(--ink)}
.sk-bar{display:flex;gap:.5em;align-items:center;margin-top:.4em}
.sk-bar :is(button,select){font:inherit}
.sk-told{margin:.3em 0!important;min-height:3em;line-height:1.5}
@media print{.sk-bar,.sk-told{display:none}}`)
const items = [...svg.querySelectorAll(".i")]
const parts = [...svg.querySelectorAll("[data-t]")]
  .map(node => [node, ...node.dataset.t.split(" ").map(Number)])
const moments = [...new Set(parts.flatMap(part => part.slice(1)))].sort((a, b) => a - b)
const last = moments.at(-1), plays = moments.length > 1
const factors = [1, 10, 100, 1e3, 1e4, 1e5]
const factor = factors.find(each => last * each >= 3) ?? 1e5
const calm = matchMedia("(prefers-reduced-motion: reduce)")
const frame = svg.parentElement
let now = Infinity, turn = 0

svg.setAttribute("role", "group")
svg.setAttribute("aria-label", svg.ariaLabel.replace(/(.{200}).+/, "$1…"))
frame.dataset.lmSuppressShortcuts = true
frame.insertAdjacentHTML("beforeend", (plays ? `<div class="sk-bar">
<button>Play</button><button aria-label="step back">‹</button><button aria-label="step on">›</button>
<select aria-label="speed">${factors.map(each => `<option value="${each}"
${each === factor ? "selected" : ""}>${each > 1 ? `${each.toLocaleString("en")} × slower` : "real time"}</option>`)}</select>
<span></span></div>` : "") + '<p class="sk-told" role="status"></p>')
const [button, back, on] = frame.querySelectorAll("button")
const clock = frame.querySelector(".sk-bar span"), told = frame.querySelector(".sk-told")
for (const item of items) {
  item.setAttribute("role", "img")
  item.setAttribute("aria-label", item.firstChild.textContent)
  item.setAttribute("tabindex", item === items[0] ? 0 : -1)
  item.firstChild.remove()
}

function tell(item) {
  told.textContent = (item ?? svg.querySelector(":focus"))?.ariaLabel ?? svg.dataset.hint
}

function show(time) {
  now = time
  for (const [node, start, end] of parts) {
    const share = (now - start) / (end - start)
    node.classList.toggle("later", start > now)
    node.classList.toggle("on", start <= now && share < 1)
    node.style.setProperty("--p", calm.matches ? 1 : share)
  }
  clock.textContent = now === Infinity ? "" :
    last < 1 ? `${(now * 1e3).toFixed(2)} ms` : `${now.toFixed(2)} s`
}

function play(starts) {
  cancelAnimationFrame(turn)
  turn = 0
  button.textContent = starts ? "Pause" : "Play"
  if (!starts) return
  if (now >= last) show(moments[0])
  let before
  turn = requestAnimationFrame(function next(time) {
    show(now + Math.min(time - (before ?? time), 100) / 1e3 / frame.querySelector("select").value)
    before = time
    if (now >= last) play(false), show(Infinity)
    else if (svg.isConnected) turn = requestAnimationFrame(next)
  })
}

function step(way) {
  if (!plays) return move(way)
  play(false)
  const next = way < 0 ? moments.findLast(time => time < now)
    : moments.find(time => now === Infinity || time > now)
  show(next ?? (way < 0 ? moments[0] : Infinity))
  const [item] = parts.findLast(([node, ...ends]) => node.ariaLabel && ends.includes(now)) ?? []
  if (svg.contains(document.activeElement)) item?.focus()
  tell(item)
}

function move(way) {
  const place = items.indexOf(svg.querySelector(":focus"))
  items[Math.max(0, Math.min(place + way, items.length - 1))].focus()
}

function leave() {
  if (plays) play(false), show(Infinity)
  document.activeElement.blur()
  svg.closest(".jp-Cell")?.focus()
}

if (plays) {
  button.onclick = () => play(!turn)
  back.onclick = () => step(-1)
  on.onclick = () => step(1)
}
const keys = { ArrowDown: () => move(1), ArrowUp: () => move(-1), ArrowRight: () => step(1),
  ArrowLeft: () => step(-1), Escape: leave, " ": () => plays && play(!turn) }
frame.onkeydown = event => {
  const { key, target } = event
  if (event.ctrlKey || event.altKey || event.metaKey || !keys[key]) return
  event.stopPropagation()  // to a slide show, for example
  const own = target.matches("select") ? key !== "Escape" : target.matches("button") && key === " "
  if (own) return
  event.preventDefault()
  keys[key]()
}
svg.onpointerover = event => tell(event.target.closest(".i"))
svg.onpointerleave = () => tell()
// on the frame: Chromium takes an SVG that listens to focus for one that can have it
frame.addEventListener("focusin", ({ target }) => {
  if (items.includes(target))
    items.forEach(item => item.setAttribute("tabindex", item === target ? 0 : -1))
  tell()
})
frame.addEventListener("focusout", () => tell())
tell()
