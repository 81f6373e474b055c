// The official conformance suite against the server at BASE_URL.
// `npm run conformance` (conformance.mjs) runs this file, chooses the groups and counts the tests.
import { runConformanceTests } from "@durable-streams/server-conformance-tests"
import { baseUrl } from "./base-url.mjs"
import { longPollTimeoutMs } from "./vitest.config.mjs"

runConformanceTests({ baseUrl: baseUrl(), subscriptions: true, longPollTimeoutMs })
