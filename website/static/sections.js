// The sections of all pages that have the words asked for, likely ones first (MiniSearch, BM25).
"use strict"

const BOOST = { title: 4, begins: 2, often: 2, lesson: 2 }
const WORD = /::1?|\d+(?:\.\d+){3}|[\p{L}\p{N}]+(?:[-_][\p{L}\p{N}]+)*/gu
const ENDS = /(?<=[a-z]{3})(?<!s|u|i)s$/ // a plural's, a verb's

function indexOf({ sections, pages, common }) {
  const index = new MiniSearch({
    fields: ["title", "begins", "lesson", "often", "words"],
    storeFields: ["page", "name", "title", "begins"],
    tokenize: text => text.match(WORD)?.flatMap(parts) ?? [],
    processTerm: term => common.includes(term) ? null : term.replace(ENDS, ""),
    searchOptions: { boost: BOOST, boostDocument: (_, __, { page }) => page === "15_reference" ? 0.5 : 1, prefix: term => term.length > 3, weights: { prefix: 0.3, fuzzy: 0.2 } },
  })
  index.addAll(sections.map(([page, name, title, begins, often, words], id) => (
    { id, page, name, title, begins, often, words, lesson: pages[page.replace("deeper/", "")] ?? "" })))
  return index
}

// SO_REUSEADDR, TIME-WAIT and TIME_WAIT are one word, and two.
function parts(word) {
  const whole = word.toLowerCase().replaceAll("-", "_")
  return whole.includes("_") ? [whole, ...whole.split("_")] : [whole]
}

const findSections = (asked, index) => index.search(asked)

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
