/** The server under test, from the environment variable BASE_URL, without a trailing slash. */
export function baseUrl() {
  // Inside its tests Vitest sets BASE_URL to its own "/"; vitest.config.mjs passes the real one on.
  const value = process.env.ACCEPTANCE_BASE_URL ?? process.env.BASE_URL
  if (!value) {
    throw new Error("BASE_URL is not set: give the server under test, e.g. BASE_URL=http://127.0.0.1:4437")
  }
  if (!/^https?:\/\//.test(value)) {
    throw new Error(`BASE_URL must begin with http:// or https://, not "${value}"`)
  }
  return value.replace(/\/+$/, "")
}
