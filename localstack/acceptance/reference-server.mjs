// The reference server of the protocol's authors, to try the acceptance tests or to compare with.
//   node reference-server.mjs [--port 4437] [--host 127.0.0.1] [--data-dir DIR] [--long-poll-ms 20000]
// With --data-dir it keeps streams in files and LMDB, otherwise in memory. --port 0 takes a free port.
import { parseArgs } from "node:util"
import { DurableStreamTestServer } from "@durable-streams/server"

const { values } = parseArgs({
  options: {
    port: { type: "string", default: "4437" },
    host: { type: "string", default: "127.0.0.1" },
    "data-dir": { type: "string" },
    "long-poll-ms": { type: "string", default: "20000" },
  },
})

const server = new DurableStreamTestServer({
  port: Number(values.port),
  host: values.host,
  dataDir: values["data-dir"],
  longPollTimeout: Number(values["long-poll-ms"]),
  webhooks: true,
})
console.log(await server.start())
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, () => {
    server.stop().finally(() => process.exit(0))
    setTimeout(() => process.exit(0), 2_000).unref() // open keep-alive connections
  })
}
