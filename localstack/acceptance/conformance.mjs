// Runs the official conformance suite against BASE_URL; see README.md.
// Prints each failure in full and one summary line. Exits non-zero on a failure,
// and also when the number of tests that ran is not the expected one.
import { startVitest } from "vitest/node"
import { baseUrl } from "./base-url.mjs"

// The tests of @durable-streams/server-conformance-tests 0.3.6, all with names of their group first.
const TOTAL = 338

// Groups (top-level describe blocks) that the server does not implement, with their number of
// tests. THE place to change when it does: remove the entry, and its tests are run and counted.
const NOT_OFFERED = [
  { label: "Reserved subscription APIs", group: /^Reserved subscription APIs$/, tests: 6 },
]

const choice = process.env.CONFORMANCE_GROUPS ?? "offered"
if (!["all", "offered"].includes(choice)) {
  stop(`CONFORMANCE_GROUPS must be "all" or "offered", not "${choice}"`)
}
const deselected = choice === "all" ? [] : NOT_OFFERED
const expectedToRun = TOTAL - deselected.reduce((sum, { tests }) => sum + tests, 0)

// Vitest matches the pattern with "<group> [<inner group>] <test>": a negative lookahead per group.
const testNamePattern = new RegExp(
  "^" + deselected.map(({ group }) => `(?!${group.source.replace(/^\^|\$$/g, "")})`).join("")
)

let url
try {
  url = baseUrl()
} catch (error) {
  stop(error.message)
}
try {
  await fetch(url, { method: "HEAD", signal: AbortSignal.timeout(10_000) })
} catch (error) {
  stop(`No server answers at BASE_URL=${url}: ${error.cause?.message ?? error.message}`)
}

const started = Date.now()
const ran = { passed: 0, failed: 0 }
const notRun = new Map() // group -> number of tests
let collected = 0
let otherErrors = 0
let vitestContext

const reporter = {
  onInit(vitest) {
    vitestContext = vitest
  },
  onTestCaseResult(test) {
    if (test.result().state !== "failed") return
    console.error(`\nFAILED  ${test.fullName}`)
    printErrors(test.result().errors, test.project)
  },
  onTestRunEnd(modules, unhandledErrors) {
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        collected++
        const { state } = test.result()
        if (state === "passed" || state === "failed") ran[state]++
        else notRun.set(groupOf(test), (notRun.get(groupOf(test)) ?? 0) + 1)
      }
      // Errors of the file or of a group, outside of any test.
      otherErrors += module.errors().length
      printErrors(module.errors(), module.project)
      for (const suite of module.children.allSuites()) {
        otherErrors += suite.errors().length
        printErrors(suite.errors(), suite.project)
      }
    }
    otherErrors += unhandledErrors.length
    if (unhandledErrors.length > 0) vitestContext.logger.printUnhandledErrors(unhandledErrors)
  },
}

const vitest = await startVitest("test", ["conformance.test.ts"], {
  config: new URL("./vitest.config.mjs", import.meta.url).pathname,
  watch: false,
  reporters: [reporter],
  testNamePattern,
})
await vitest?.close()

const problems = []
if (ran.failed > 0) problems.push(`${ran.failed} failed`)
if (otherErrors > 0) problems.push(`${otherErrors} errors outside of tests`)
if (collected !== TOTAL) problems.push(`the suite has ${collected} tests, expected ${TOTAL}`)
if (ran.passed + ran.failed !== expectedToRun) {
  problems.push(`${ran.passed + ran.failed} tests ran, expected ${expectedToRun}`)
}
const byGroup = deselected.map(({ label, group, tests }) => {
  let count = 0
  for (const [name, number] of notRun) {
    if (group.test(name)) {
      count += number
      notRun.delete(name)
    }
  }
  if (count !== tests) problems.push(`${count} tests of "${label}" deselected, expected ${tests}`)
  return `${label} ${count}`
})
for (const [name, number] of notRun) problems.push(`${number} tests of "${name}" did not run`)

console.log(
  `conformance: ${ran.passed} passed, ${ran.failed} failed, ` +
    `deselected: ${byGroup.join(", ") || "none"}, total ${collected} ` +
    `(${((Date.now() - started) / 1000).toFixed(0)} s)` +
    (problems.length > 0 ? ` - NOT OK: ${problems.join("; ")}` : "")
)
process.exit(problems.length > 0 ? 1 : 0)

function groupOf(test) {
  let task = test
  while (task.parent.type !== "module") task = task.parent
  return task.name
}

function printErrors(errors, project) {
  for (const error of errors ?? []) vitestContext.logger.printError(error, { project })
}

function stop(message) {
  console.error(message)
  process.exit(2)
}
