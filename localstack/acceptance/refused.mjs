// Runs the official conformance suite against a server that wants a token, without one. It
// must not get anywhere: every answer must be 401, in every test. (Some tests run at the same
// time, so that an answer cannot be told to be of one; those have to fail.)
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { startVitest } from "vitest/node"

// Preflights are free: this test sends nothing else.
const PREFLIGHT = "Caching and ETag > should allow If-None-Match in CORS preflight responses"

const dir = mkdtempSync(join(tmpdir(), "refused-"))
process.env.REFUSED_FILE = join(dir, "answers")
process.env.WITHOUT_TOKEN = "1"
let tests = []
const reporter = {
  onTestRunEnd(modules) {
    tests = modules.flatMap((module) => [...module.children.allTests()])
  },
}
const vitest = await startVitest("test", ["conformance.test.ts"], {
  config: new URL("./vitest.config.mjs", import.meta.url).pathname,
  watch: false,
  reporters: [reporter],
})
await vitest?.close()

const answers = readFileSync(process.env.REFUSED_FILE, "utf8").trim().split("\n")
rmSync(dir, { recursive: true })
const answered = answers.filter((line) => !line.startsWith("401 "))
const refused = new Set(answers.map((line) => line.slice("401 ".length)))
const silent = tests
  .filter((test) => !refused.has(test.fullName) && test.result().state !== "failed")
  .map((test) => test.fullName)
  .filter((name) => name !== PREFLIGHT)
for (const line of answered) console.error(`ANSWERED  ${line}`)
for (const name of silent) console.error(`NOT REFUSED  ${name}`)
console.log(
  `conformance without a token: ${tests.length - silent.length - 1} of ${tests.length} tests refused (one is of preflights), ` +
    `${answered.length} of ${answers.length} requests answered`
)
process.exit(answered.length > 0 || silent.length > 0 || tests.length === 0 ? 1 : 0)
