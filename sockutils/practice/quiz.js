// Makes a group of radio buttons of the answers that fold out: ↑ and ↓ go to an answer, Space or
// Enter chooses it. VS Code moves a script to the end of its output, behind the question.
const here = document.currentScript
const quiz = here.closest(".sockutils-quiz") ?? here.previousElementSibling
const answers = [...quiz.querySelectorAll("details")]
const name = `quiz-${Math.random()}`
const live = ".jp-NotebookPanel, #notebook-container, [data-vscode-theme-kind]"
const group = document.createElement("div")
const status = document.createElement("div")

document.getElementById("sk-quiz") || document.head.insertAdjacentHTML("beforeend",
  `<style id="sk-quiz">.sockutils-quiz label{display:flex;gap:.5em;align-items:baseline;padding:.2em}
  .sockutils-quiz label:has(:focus-visible){outline:2px solid;outline-offset:-2px}</style>`)
quiz.dataset.lmSuppressShortcuts = true
group.setAttribute("role", "radiogroup")
group.setAttribute("aria-label", quiz.querySelector("p").textContent)
status.setAttribute("role", "status")
status.innerHTML = (STATES)[quiz.dataset.state]
answers[0].before(group, status)
const radios = answers.map(answer => {
  const label = document.createElement("label"), words = document.createElement("span")
  const radio = Object.assign(document.createElement("input"), { type: "radio", name })
  const feedback = answer.querySelector(".sockutils-said")
  words.append(...answer.querySelector("summary").childNodes)
  label.append(radio, words)
  group.append(label)
  answer.remove()
  radio.onchange = () => tell(feedback)
  radio.checked = answer.open
  if (answer.open) status.replaceChildren(feedback)
  return radio
})

function tell(feedback) {
  status.replaceChildren(feedback)
  const { lesson, number } = quiz.dataset, right = feedback.dataset.outcome === "passed"
  const letter = "abcdefgh"[radios.findIndex(radio => radio.checked)]
  const line = feedback.querySelector("p:nth-child(2)") ?? document.createElement("p")
  const more = text => {
    line.textContent = text
    feedback.append(line)
  }
  const detail = { lesson, number: Number(number), right, more }
  const asked = new CustomEvent("sockutils-answer", { bubbles: true, cancelable: true, detail })
  if (quiz.dispatchEvent(asked) && right && document.querySelector(live))
    more(`It counts in progress() if you run: quiz("${lesson}", ${number}, "${letter}")`)
}

quiz.onkeydown = event => {
  const place = radios.indexOf(event.target)
  if (place < 0 || event.ctrlKey || event.altKey || event.metaKey) return
  const way = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key]
  if (way) radios.at((place + way) % radios.length).focus()
  else if (event.key === "Enter") event.target.click()
  else if (event.key === "Escape") quiz.closest(".jp-Cell")?.focus()
  else if (event.key !== " ") return
  event.stopPropagation()  // to a slide show, for example
  if (event.key !== " ") event.preventDefault()
}
