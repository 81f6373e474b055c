// The official Yjs provider, through its own Yjs server, which keeps documents in streams of the
// server at BASE_URL.
import { randomUUID } from "node:crypto"
import { YjsProvider } from "@durable-streams/y-durable-streams"
import { YjsServer } from "@durable-streams/y-durable-streams/server"
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from "vitest"
import { Awareness } from "y-protocols/awareness"
import * as Y from "yjs"
import { baseUrl } from "./base-url.mjs"

let yjs: YjsServer
beforeAll(async () => {
  yjs = new YjsServer({ port: 0, host: "127.0.0.1", dsServerUrl: baseUrl(), compactionThreshold: Infinity })
  await yjs.start()
})
afterAll(() => yjs.stop())

const eventually = (check: () => void) => vi.waitFor(check, { timeout: 10_000, interval: 20 })

/** A user's copy of a document, once it has all that the server has. */
async function join(docId: string, liveMode: "sse" | "long-poll" = "sse", presence = false, server = yjs) {
  const doc = new Y.Doc()
  const awareness = presence ? new Awareness(doc) : undefined
  const provider = new YjsProvider({ doc, awareness, liveMode, docId, baseUrl: `${server.url}/v1/yjs/acceptance` })
  const errors: Array<Error> = []
  provider.on("error", (error: Error) => errors.push(error))
  onTestFinished(() => {
    provider.destroy()
    awareness?.destroy()
    expect(errors).toEqual([])
  })
  await eventually(() => expect(provider.synced).toBe(true))
  return { text: doc.getText("text"), doc, awareness, provider }
}

for (const live of ["sse", "long-poll"] as const) {
  test(`two users who edit at once by ${live} come to the same text, and a third one gets it`, async () => {
    const docId = `doc/${randomUUID()}`
    const [ann, bob] = [await join(docId, live), await join(docId, live)]
    for (let n = 0; n < 20; n++) {
      ann.text.insert(0, `a${n} `)
      bob.text.insert(bob.text.length, `b${n} `)
    }
    await eventually(() => expect(ann.text.length).toBe(bob.text.length))
    await eventually(() => expect(ann.text.toString().split(" ").filter(Boolean)).toHaveLength(40))
    await eventually(() => expect(bob.text.toString()).toBe(ann.text.toString()))
    const carol = await join(docId, live)
    await eventually(() => expect(carol.text.toString()).toBe(ann.text.toString()))
  })
}

test("a document with many updates is whole for who comes later, and goes on", async () => {
  const docId = `doc/${randomUUID()}`
  const ann = await join(docId)
  for (let n = 0; n < 30; n++) {
    ann.text.insert(ann.text.length, `${n} ${"x".repeat(400)}\n`)
    await new Promise((done) => setTimeout(done, 5)) // updates of one tick are sent as one
  }
  const bob = await join(docId)
  await eventually(() => expect(bob.text.toString()).toBe(ann.text.toString()))
  bob.text.insert(0, "after it ")
  await eventually(() => expect(ann.text.toString()).toMatch(/^after it 0 x/))
})

// What a user did while they were away, the provider (0.2.7) does not send when it is back:
// on the reference server neither.
test("a user who was away gets what happened meanwhile", async () => {
  const docId = `doc/${randomUUID()}`
  const [ann, bob] = [await join(docId), await join(docId)]
  await bob.provider.disconnect()
  ann.text.insert(0, "meanwhile")
  await bob.provider.connect()
  await eventually(() => expect(bob.text.toString()).toBe("meanwhile"))
})

// Why the Yjs server is told above to make no snapshots: to go on after one, it (0.2.7) adds 1 to
// an offset, which is not one that the streams' server has given out. Offsets are opaque
// (PROTOCOL.md, section 8), and here the next byte is in the middle of an update. If this test
// fails, a newer version has stopped doing so: let it make snapshots then.
test("the Yjs server makes up an offset after a snapshot", async () => {
  const own = new YjsServer({ port: 0, host: "127.0.0.1", dsServerUrl: baseUrl(), compactionThreshold: 1 })
  await own.start()
  onTestFinished(() => own.stop())
  const docPath = `doc/${randomUUID()}`
  const ann = await join(docPath, "sse", false, own)
  ann.text.insert(0, "hello")
  const stored = `${baseUrl()}/v1/stream/yjs/acceptance/docs/${docPath}`
  await vi.waitFor(
    async () => expect(await (await fetch(`${stored}/.index?offset=-1`)).text()).toContain("snapshotOffset"),
    { timeout: 10_000, interval: 50 }
  )
  const tail = (await fetch(`${stored}/.updates`, { method: "HEAD" })).headers.get("stream-next-offset")!
  const snapshot = await fetch(`${own.url}/v1/yjs/acceptance/docs/${docPath}?offset=snapshot`)
  const madeUp = snapshot.headers.get("stream-next-offset")!
  expect(madeUp).toBe(tail.replace(/[0-9]+$/, (n) => String(Number(n) + 1).padStart(n.length, "0")))
  expect((await fetch(`${stored}/.updates?offset=${madeUp}`)).status).toBe(400)
})

test("users see one another's presence", async () => {
  const docId = `doc/${randomUUID()}`
  const [ann, bob] = [await join(docId, "sse", true), await join(docId, "sse", true)]
  // Presence is followed from "now" on, soon after a document is synced: what was said before is
  // not heard. So it is said again.
  let at = 0
  await eventually(() => {
    ann.awareness!.setLocalStateField("cursor", { at: ++at })
    expect(bob.awareness!.getStates().get(ann.doc.clientID)).toHaveProperty("cursor")
  })
})
