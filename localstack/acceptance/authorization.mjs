// Has every request to the server under test carry a token, if the server wants one: AUTH_TOKEN
// as it is, or a JWT signed with AUTH_JWT_SECRET (HS256), of the tenant "acceptance" if there is
// AUTH_TENANT_CLAIM. With WITHOUT_TOKEN=1 nothing is sent, and every answer must be 401, to
// preflights apart: then tests fail, and what counts is written to REFUSED_FILE.
import { createHmac } from "node:crypto"
import { appendFileSync } from "node:fs"
import { expect } from "vitest"
import { baseUrl } from "./base-url.mjs"

const token = process.env.AUTH_TOKEN || jwt(process.env.AUTH_JWT_SECRET)
const without = process.env.WITHOUT_TOKEN === "1"
const original = globalThis.fetch

if (token || without) {
  globalThis.fetch = async (input, init) => {
    const request = new Request(input, init)
    const ours = request.url.startsWith(baseUrl())
    if (!ours || without) {
      const response = await original(input, init)
      if (ours && request.method !== "OPTIONS") note(response.status)
      return response
    }
    const headers = new Headers(init?.headers ?? (input instanceof Request ? input.headers : undefined))
    if (!headers.has("Authorization")) headers.set("Authorization", `Bearer ${token}`)
    return original(input, { ...init, headers })
  }
}

/** Writes down how a test's request without a token was answered. */
function note(status) {
  appendFileSync(process.env.REFUSED_FILE, `${status} ${expect.getState().currentTestName}\n`)
}

function jwt(secret) {
  if (!secret) return undefined
  const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url")
  const now = Math.floor(Date.now() / 1000)
  const claims = { sub: "acceptance", iat: now, exp: now + 3600, streams: { "**": ["create", "append", "read", "delete"] } }
  if (process.env.AUTH_TENANT_CLAIM) claims[process.env.AUTH_TENANT_CLAIM] = "acceptance"
  const signed = `${part({ alg: "HS256" })}.${part(claims)}`
  return `${signed}.${createHmac("sha256", secret).update(signed).digest("base64url")}`
}
