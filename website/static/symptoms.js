// From a text that somebody has seen to the symptoms that it may be: sockutils/why/search.py for a
// page. A test compares the two.
"use strict"

const LEAST = 0.5 // of the words asked for that a text has to have
const MOST = 5 // answers
const HELD = 1.5 // points of a text that holds what is asked for, or is held by it

// Symptoms of `data` with their points, likely ones first.
function findSymptoms(asked, data) {
  const names = errorsIn(asked, data)
  const found = data.symptoms
    .map(symptom => ({ symptom, points: score(symptom, asked, names, data) }))
    .filter(each => each.points)
    .sort((one, other) => other.points - one.points)
  const near = found.filter(each => each.points > found[0].points / 2).slice(0, MOST)
  if (near.length) return near
  const named = names.map(name => data.manual.find(each => each.error === name))
  return named.filter(Boolean).map(symptom => ({ symptom, points: HELD }))
}

function errorsIn(asked, { numbers, aliases }) {
  const names = asked.match(/(?<![\p{L}\p{N}_])E[A-Z]{3,}2?(?:_[A-Z]+)?(?![\p{L}\p{N}_])/gu) ?? []
  const counted = asked.matchAll(/\b(?:errno|error)\W*?(-?\d+)\b|^\s*(-?\d+)\s*$/gi)
  const found = [...counted].map(([, after, alone]) => numbers[Number(after ?? alone)])
  return [...names, ...found].filter(Boolean).map(name => aliases[name] ?? name)
}

function score(symptom, asked, names, { nothing }) {
  const points = Math.max(...symptom.texts.map(text => likeness(text.toLowerCase(), asked.toLowerCase(), nothing)))
  return symptom.error && names.includes(symptom.error) ? Math.max(points, 2) : points
}

// 2 and more where one text holds the other, else the part of the words asked for, or 0.
function likeness(text, asked, nothing) {
  if (within(text, asked)) return 2 + text.length / 1000
  if (asked.length > 3 && within(asked, text)) return HELD
  const wanted = wordsOf(asked, nothing)
  const part = wanted.size ? [...wanted].filter(word => wordsOf(text, nothing).has(word)).length / wanted.size : 0
  return part >= LEAST ? part : 0
}

function within(part, whole) {
  if (!whole.includes(part)) return false // most: a pattern takes longer
  const literal = part.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&")
  return new RegExp(`(?<![\\p{L}\\p{N}_])${literal}(?![\\p{L}\\p{N}_])`, "u").test(whole)
}

const wordsOf = (text, nothing) =>
  new Set((text.match(/[a-z0-9]+(?:[-_'][a-z0-9]+)*/g) ?? []).filter(word => !nothing.includes(word)))
