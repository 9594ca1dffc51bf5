// The sections of all pages that have the words asked for, likely ones first (MiniSearch, BM25).
"use strict"

const TITLE = 5 // times as much as another word: these numbers found most of tests/questions.toml
const WEIGHTS = { lesson: 1, deeper: 0.8, reference: 0.5 }
const WORD = /::1?|\d+(?:\.\d+){3}|[\p{L}\p{N}]+(?:[-_][\p{L}\p{N}]+)*/gu
const ENDS = /(?<=[a-z]{3})(?<!s|u|i)s$/ // a plural's, a verb's

function indexOf({ sections, pages, common }) {
  const index = new MiniSearch({
    fields: ["title", "begins", "lesson", "often", "words"],
    storeFields: ["page", "name", "title", "begins"],
    tokenize: text => text.match(WORD)?.flatMap(parts) ?? [],
    processTerm: term => common.includes(term) ? null : term.replace(ENDS, ""),
    searchOptions: {
      boost: { title: TITLE },
      boostDocument: (_, __, { page }) => WEIGHTS[kind(page)],
      prefix: term => term.length > 3,
      weights: { prefix: 0.1, fuzzy: 0.1 },
    },
  })
  index.addAll(sections.map(([page, name, title, begins, often, words], id) => (
    { id, page, name, title, begins, often, words, lesson: pages[page.replace("deeper/", "")] ?? "" })))
  return index
}

function kind(page) {
  if (page === "15_reference") return "reference"
  return page.startsWith("deeper/") ? "deeper" : "lesson"
}

// SO_REUSEADDR, TIME-WAIT and TIME_WAIT are one word, and two.
function parts(word) {
  const whole = word.toLowerCase().replaceAll("-", "_")
  return whole.includes("_") ? [whole, ...whole.split("_")] : [whole]
}

// With all of the words before with one of them, however rare that is.
function findSections(asked, index) {
  const found = index.search(asked)
  for (const each of found) each.score *= each.queryTerms.length ** 2
  return found.sort((one, other) => other.score - one.score)
}

// The same text, in which a word that no page has is the one that is spelled most like it.
function corrected(asked, index, data) {
  if (findSymptoms(asked, data).some(each => each.points >= HELD)) return asked
  const known = word => index.search(word, { prefix: true }).length
  return asked.replace(/[\p{L}]{4,}/gu, word => known(word) ? word : nearest(word, index) ?? word)
}

function nearest(word, index) {
  for (const fuzzy of [1, 2]) { // letters
    const times = {}
    for (const { terms } of index.search(word, { fuzzy, prefix: false }))
      for (const term of terms) times[term] = (times[term] ?? 0) + 1
    const [likely] = Object.keys(times).sort((one, other) => times[other] - times[one])
    if (likely) return likely
  }
}
