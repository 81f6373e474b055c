// @durable-streams/state, the official state protocol, as its users use it: a StreamDB whose
// collections follow a stream of the server at BASE_URL.
import { randomUUID } from "node:crypto"
import { DurableStream } from "@durable-streams/client"
import { createStateSchema } from "@durable-streams/state"
import { createStreamDB } from "@durable-streams/state/db"
import { expect, onTestFinished, test, vi } from "vitest"
import { baseUrl } from "./base-url.mjs"

type User = { id: string; name: string }
type Note = { id: string; by: string; text: string }

/** A Standard Schema whose values have these fields, all of them strings. */
const fields = <T>(...names: Array<keyof T & string>) => ({
  "~standard": {
    version: 1 as const,
    vendor: "acceptance",
    validate: (value: unknown) =>
      names.every((name) => typeof (value as Record<string, unknown>)?.[name] === "string")
        ? { value: value as T }
        : { issues: [{ message: `it needs ${names.join(", ")}` }] },
  },
})

const schema = createStateSchema({
  users: { schema: fields<User>("id", "name"), type: "user", primaryKey: "id" },
  notes: { schema: fields<Note>("id", "by", "text"), type: "note", primaryKey: "id" },
})

const newStream = () =>
  DurableStream.create({ url: `${baseUrl()}/v1/stream/state-${randomUUID()}`, contentType: "application/json" })

async function open(stream: DurableStream, live: "sse" | "long-poll" = "sse") {
  const db = createStreamDB({
    streamOptions: { url: stream.url, contentType: "application/json" },
    state: schema,
    live,
    actions: ({ db, stream }) => ({
      addUser: {
        onMutate: (user: User) => db.collections.users.insert(user),
        mutationFn: async (user: User) => {
          const txid = randomUUID()
          await stream.append(JSON.stringify(schema.users.insert({ value: user, headers: { txid } })))
          await db.utils.awaitTxId(txid)
        },
      },
    }),
  })
  onTestFinished(() => db.close())
  await db.preload()
  return db
}

const write = (stream: DurableStream, event: unknown) => stream.append(JSON.stringify(event))
const eventually = (check: () => void) => vi.waitFor(check, { timeout: 10_000, interval: 20 })

test("a StreamDB has what was inserted, updated and deleted before it was opened", async () => {
  const stream = await newStream()
  await write(stream, schema.users.insert({ value: { id: "1", name: "Ann" } }))
  await write(stream, schema.users.insert({ value: { id: "2", name: "Bob" } }))
  await write(stream, schema.notes.insert({ value: { id: "n", by: "1", text: "hello" } }))
  await write(stream, schema.users.update({ value: { id: "1", name: "Anna" } }))
  await write(stream, schema.users.delete({ key: "2" }))

  const { users, notes } = (await open(stream)).collections
  expect(users.toArray).toMatchObject([{ id: "1", name: "Anna" }])
  expect(notes.get("n")).toMatchObject({ by: "1", text: "hello" })
})

for (const live of ["sse", "long-poll"] as const) {
  test(`a StreamDB follows by ${live}`, async () => {
    const stream = await newStream()
    const db = await open(stream, live)
    const changes: Array<string> = []
    db.collections.users.subscribeChanges((all) => changes.push(...all.map(({ type, key }) => `${type} ${key}`)))

    await write(stream, schema.users.insert({ value: { id: "1", name: "Ann" } }))
    await eventually(() => expect(db.collections.users.get("1")?.name).toBe("Ann"))
    await write(stream, schema.users.update({ value: { id: "1", name: "Anna" } }))
    await eventually(() => expect(db.collections.users.get("1")?.name).toBe("Anna"))
    await write(stream, schema.users.delete({ key: "1" }))
    await eventually(() => expect(db.collections.users.size).toBe(0))
    expect(changes).toEqual(["insert 1", "update 1", "delete 1"])
  })
}

test("a transaction id arrives with its event, and an id that was never sent does not", async () => {
  const stream = await newStream()
  const db = await open(stream)
  const txid = randomUUID()
  const arrived = db.utils.awaitTxId(txid, 10_000)
  await write(stream, schema.users.insert({ value: { id: "1", name: "Ann" }, headers: { txid } }))
  await arrived
  expect(db.collections.users.get("1")?.name).toBe("Ann")
  await expect(db.utils.awaitTxId(randomUUID(), 300)).rejects.toThrow(/[Tt]imeout/)
})

test("an optimistic action is seen at once, and by others when the stream has it", async () => {
  const stream = await newStream()
  const [here, there] = [await open(stream), await open(stream)]
  const action = here.actions.addUser({ id: "1", name: "Ann" })
  expect(here.collections.users.get("1")?.name).toBe("Ann")
  await action.isPersisted.promise
  await eventually(() => expect(there.collections.users.get("1")?.name).toBe("Ann"))
})

test("a thousand events, many at a time, come to the same state as one after another", async () => {
  const stream = await newStream()
  const db = await open(stream)
  await Promise.all(
    Array.from({ length: 1000 }, (_, n) =>
      write(stream, schema.users.upsert({ value: { id: String(n % 100), name: `at ${n}` } }))
    )
  )
  const later = await open(stream)
  const sorted = (users: Array<User>) => users.map(({ id, name }) => `${id} ${name}`).sort()
  expect(later.collections.users.size).toBe(100)
  await eventually(() =>
    expect(sorted(db.collections.users.toArray)).toEqual(sorted(later.collections.users.toArray))
  )
})
