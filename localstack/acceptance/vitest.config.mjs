import { defineConfig } from "vitest/config"

/** How long the server under test holds a long-poll open, in milliseconds. */
export const longPollTimeoutMs = Number(process.env.LONG_POLL_TIMEOUT_MS ?? 20_000)

export default defineConfig({
  root: import.meta.dirname,
  cacheDir: "../../node_modules/.vite", // not a node_modules folder here
  test: {
    include: ["*.test.ts"],
    setupFiles: ["./authorization.mjs"],
    // Two conformance tests wait for a whole long-poll without a timeout of their own.
    testTimeout: longPollTimeoutMs + 10_000,
    hookTimeout: 30_000,
    env: { ACCEPTANCE_BASE_URL: process.env.BASE_URL ?? "" }, // see base-url.mjs
    fileParallelism: false,
    watch: false,
  },
})
