// The official client, used as its README shows, against the server at BASE_URL.
import { randomUUID } from "node:crypto"
import {
  DurableStream,
  FetchError,
  IdempotentProducer,
  StaleEpochError,
} from "@durable-streams/client"
import { describe, expect, onTestFinished, test } from "vitest"
import { baseUrl } from "./base-url.mjs"

type Live = "sse" | "long-poll"
type Message = { n: number }

const newUrl = () => `${baseUrl()}/v1/stream/clients-${randomUUID()}`
const numbers = (count: number, first = 0) => Array.from({ length: count }, (_, i) => first + i)
const message = (n: number) => JSON.stringify({ n })

const createJson = () => DurableStream.create({ url: newUrl(), contentType: "application/json" })

async function readAll(stream: DurableStream): Promise<Array<number>> {
  const response = await stream.stream<Message>({ live: false })
  return (await response.json()).map(({ n }) => n)
}

/** A reader of a stream that notes how it reads: `isLive` resolves when its first live request is out. */
async function follow(stream: DurableStream, live: Live) {
  const liveModes = new Set<string | null>()
  let nowLive: () => void
  const isLive = new Promise<void>((resolve) => (nowLive = resolve))
  const recordingFetch: typeof fetch = async (input, init) => {
    const mode = new URL(String(input)).searchParams.get("live")
    if (mode === null) return fetch(input, init)
    liveModes.add(mode)
    const response = fetch(input, init)
    if (mode === "sse") await response
    nowLive()
    return response
  }
  const reader = new DurableStream({ url: stream.url, fetch: recordingFetch })
  const response = await reader.stream<Message>({ live })
  onTestFinished(() => response.cancel())
  return { response, isLive, liveModes }
}

/** All messages until the writer closes the stream. */
async function untilEnd(response: { jsonStream(): AsyncIterable<Message> }) {
  const got: Array<number> = []
  for await (const { n } of response.jsonStream()) got.push(n)
  return got
}

async function textUntilEnd(response: { textStream(): AsyncIterable<string> }) {
  let text = ""
  for await (const chunk of response.textStream()) text += chunk
  return text
}

describe("a user with the official client", () => {
  test("creates a stream, appends JSON messages and reads them all back in order", async () => {
    const stream = await createJson()
    for (const n of numbers(20)) await stream.append(message(n))
    await Promise.all(numbers(80, 20).map((n) => stream.append(message(n)))) // the client batches these

    expect(await readAll(stream)).toEqual(numbers(100))
    expect(await stream.head()).toMatchObject({ exists: true, contentType: "application/json", streamClosed: false })
  })

  test("continues later from a saved offset and gets only what is new", async () => {
    const stream = await createJson()
    await stream.append(message(1))
    const first = await stream.stream<Message>({ live: false })
    expect(await first.json()).toEqual([{ n: 1 }])

    await stream.append(message(2))
    const second = await stream.stream<Message>({ offset: first.offset, live: false })
    expect(await second.json()).toEqual([{ n: 2 }])
  })

  test("reads a history of 4 MB completely, however the server divides it", async () => {
    const stream = await createJson()
    const pad = "x".repeat(1000)
    const batch = (first: number) => numbers(500, first).map((n) => stream.append(JSON.stringify({ n, pad })))
    for (let first = 0; first < 4000; first += 500) await Promise.all(batch(first))

    const response = await stream.stream<Message>() // json() ends at the first up-to-date response
    expect((await response.json()).map(({ n }) => n)).toEqual(numbers(4000))
  })

  for (const live of ["sse", "long-poll"] as const) {
    test(`follows a stream by ${live} and gets each message once, in order, while it is written`, async () => {
      const stream = await createJson()
      for (const n of numbers(50)) void stream.append(message(n))
      await stream.append(message(50))

      const reader = await follow(stream, live)
      const received = untilEnd(reader.response)
      await reader.isLive
      for (const n of numbers(100, 51)) await stream.append(message(n))
      await Promise.all(numbers(100, 151).map((n) => stream.append(message(n))))
      await stream.close()

      expect(await received).toEqual(numbers(251))
      expect([...reader.liveModes]).toEqual([live])
    })

    test(`starts following an empty stream by ${live} and gets the first message when it comes`, async () => {
      const stream = await createJson()
      const reader = await follow(stream, live)
      const first = reader.response.jsonStream()[Symbol.asyncIterator]().next()
      await reader.isLive
      await stream.append(message(7))
      expect(await first).toEqual({ done: false, value: { n: 7 } })
    })
  }

  test("gets every byte of a binary stream by SSE", async () => {
    const stream = await DurableStream.create({ url: newUrl(), contentType: "application/octet-stream" })
    const all = Uint8Array.from({ length: 3 * 256 }, (_, i) => i % 256) // with CR, LF, NUL and non-UTF-8
    await stream.append(all.subarray(0, 300))

    const reader = await follow(stream, "sse")
    const received = (async () => {
      const chunks: Array<Uint8Array> = []
      for await (const chunk of reader.response.bodyStream()) chunks.push(chunk)
      return Buffer.concat(chunks)
    })()
    await reader.isLive
    await stream.append(all.subarray(300, 301))
    await stream.append(all.subarray(301))
    await stream.close()

    expect([...(await received)]).toEqual([...all])
    expect([...reader.liveModes]).toEqual(["sse"])
  })

  const texts = {
    "with line breaks": ["one\ntwo\n\n", "\n", "event: control\ndata: {}\n\n", "end"],
    "with non-ASCII characters": ["žluťoučký 🐎", "日本語\n"],
    "with spaces at the start of lines": [" one", "\n  two\n", " "], // the reference server loses a space
  }
  for (const [what, parts] of Object.entries(texts)) {
    test(`gets text ${what} unchanged by SSE`, async () => {
      const stream = await DurableStream.create({ url: newUrl(), contentType: "text/plain" })
      const reader = await follow(stream, "sse")
      const received = textUntilEnd(reader.response)
      await reader.isLive
      for (const part of parts) await stream.append(part)
      await stream.close()
      expect(await received).toBe(parts.join(""))
    })
  }
})

describe("when a writer closes the stream", () => {
  test("a reader of what exists gets all of it and sees the end", async () => {
    const stream = await createJson()
    await stream.append(message(1))
    await stream.close({ body: message(2) })

    const response = await stream.stream<Message>({ live: false })
    expect(await response.json()).toEqual([{ n: 1 }, { n: 2 }])
    expect(response.streamClosed).toBe(true)
    expect(await stream.head()).toMatchObject({ exists: true, streamClosed: true })
  })

  for (const live of ["sse", "long-poll"] as const) {
    test(`a later reader by ${live} gets all of it, and its loop ends`, async () => {
      const stream = await createJson()
      await stream.append(message(1))
      await stream.close({ body: message(2) })

      const { response } = await follow(stream, live)
      expect(await untilEnd(response)).toEqual([1, 2])
      expect(response.streamClosed).toBe(true)
    })

    test(`a reader waiting by ${live} gets the last message, and its loop ends`, async () => {
      const stream = await createJson()
      await stream.append(message(1))
      const reader = await follow(stream, live)
      const received = untilEnd(reader.response)
      await reader.isLive
      await stream.close({ body: message(2) })

      expect(await received).toEqual([1, 2])
      expect(reader.response.streamClosed).toBe(true)
    })

    test(`the loop of a reader waiting by ${live} ends also without a last message`, async () => {
      const stream = await createJson()
      const reader = await follow(stream, live)
      const received = untilEnd(reader.response)
      await reader.isLive
      await stream.close()

      expect(await received).toEqual([])
      expect(reader.response.streamClosed).toBe(true)
    })
  }

  test("a later append is refused, and the error says that the stream is closed; closing again is fine", async () => {
    const stream = await createJson()
    await stream.append(message(1))
    const { finalOffset } = await stream.close()

    const error = await stream.append(message(2)).catch((e: unknown) => e)
    expect(error).toBeInstanceOf(FetchError)
    expect(error).toMatchObject({
      status: 409,
      headers: { "stream-closed": "true", "stream-next-offset": finalOffset },
    })
    expect(await stream.close()).toEqual({ finalOffset })
    expect(await readAll(stream)).toEqual([1])
  })
})

describe("a user with IdempotentProducer", () => {
  test("writes 10,000 messages, 5 requests at a time, and concurrent readers get each once, in order", async () => {
    const stream = await createJson()
    const readers = [await follow(stream, "sse"), await follow(stream, "long-poll")]
    const received = readers.map(({ response }) => untilEnd(response))
    await Promise.all(readers.map(({ isLive }) => isLive))

    let inFlight = 0
    let mostInFlight = 0
    const errors: Array<Error> = []
    const producer = new IdempotentProducer(stream, "writer", {
      maxInFlight: 5,
      maxBatchBytes: 500, // many requests, about 50 messages each
      onError: (error) => errors.push(error),
      fetch: async (input, init) => {
        mostInFlight = Math.max(mostInFlight, ++inFlight)
        try {
          return await fetch(input, init)
        } finally {
          inFlight--
        }
      },
    })
    for (const n of numbers(10_000)) producer.append(message(n))
    await producer.close()

    expect(errors).toEqual([])
    expect(mostInFlight).toBe(5)
    for (const numbersReceived of await Promise.all(received)) expect(numbersReceived).toEqual(numbers(10_000))
    expect(await readAll(stream)).toEqual(numbers(10_000))
  }, 60_000)

  test("has each message stored once although every request is sent twice", async () => {
    const stream = await createJson()
    const errors: Array<Error> = []
    const producer = new IdempotentProducer(stream, "writer", {
      maxBatchBytes: 100,
      onError: (error) => errors.push(error),
      fetch: async (input, init) => {
        await fetch(input, init).then((response) => response.arrayBuffer()) // its answer is lost
        return fetch(input, init)
      },
    })
    for (const n of numbers(200)) producer.append(message(n))
    await producer.flush()
    await producer.close(message(200))

    expect(errors).toEqual([])
    expect(await readAll(stream)).toEqual(numbers(201))
  })

  test("restarts it with a higher epoch, and the old one can write no more", async () => {
    const stream = await createJson()
    const oldErrors: Array<Error> = []
    const oldOne = new IdempotentProducer(stream, "writer", { epoch: 0, onError: (error) => oldErrors.push(error) })
    oldOne.append(message(1))
    await oldOne.flush()

    const newOne = new IdempotentProducer(stream, "writer", { epoch: 1 })
    newOne.append(message(2))
    await newOne.flush()

    oldOne.append(message(666))
    await oldOne.flush().catch(() => {})
    expect(oldErrors).toHaveLength(1)
    expect(oldErrors[0]).toBeInstanceOf(StaleEpochError)
    expect(oldErrors[0]).toMatchObject({ currentEpoch: 1 })

    newOne.append(message(3))
    await newOne.flush()
    expect(await readAll(stream)).toEqual([1, 2, 3])
  })

  test("starts a new one that does not know the epoch, with autoClaim, and it takes over", async () => {
    const stream = await createJson()
    const oldOne = new IdempotentProducer(stream, "writer", { epoch: 4 })
    oldOne.append(message(1))
    await oldOne.flush()

    const newOne = new IdempotentProducer(stream, "writer", { autoClaim: true })
    newOne.append(message(2))
    await newOne.flush()
    expect(newOne.epoch).toBe(5)
    expect(await readAll(stream)).toEqual([1, 2])
  })

  test("closes the stream with a last message, and readers see the end", async () => {
    const stream = await createJson()
    const { response } = await follow(stream, "sse")
    const received = untilEnd(response)
    const producer = new IdempotentProducer(stream, "writer")
    for (const n of numbers(10)) producer.append(message(n))
    await producer.close(message(10))

    expect(await received).toEqual(numbers(11))
    expect(response.streamClosed).toBe(true)
  })
})

describe("after deleting the stream", () => {
  test("using it gives the client's not-found error, and head says that it does not exist", async () => {
    const stream = await createJson()
    await stream.append(message(1))
    await stream.delete()

    const stale = [stream.stream({ live: false }), stream.append(message(2)), stream.close(), stream.delete()]
    for (const error of await Promise.all(stale.map((call) => call.catch((e: unknown) => e)))) {
      expect(error).toBeInstanceOf(FetchError)
      expect(error).toMatchObject({ status: 404 })
    }
    expect(await stream.head()).toMatchObject({ exists: false })
  })

  test("a new stream at the same address has nothing of the old one", async () => {
    const stream = await createJson()
    await stream.append(message(1))
    await stream.delete()
    await stream.create({ contentType: "application/json" })
    await stream.append(message(2))
    expect(await readAll(stream)).toEqual([2])
  })
})
