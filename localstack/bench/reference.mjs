// Starts the npm reference server, file-backed, for the benchmark: the same
// contract as our own server's, PORT and DATA_DIR in the environment and bound
// to loopback. The first line printed says which version runs.
import { createRequire } from "node:module"
import { DurableStreamTestServer } from "@durable-streams/server"

const { version } = createRequire(import.meta.url)("@durable-streams/server/package.json")
const { PORT, DATA_DIR } = process.env
if (!PORT || !DATA_DIR) throw new Error("PORT and DATA_DIR must be set")

console.log(`@durable-streams/server ${version}, file-backed, node ${process.version}`)

// The data directory is thrown away afterwards, so there is nothing to close.
for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => process.exit(0))

await new DurableStreamTestServer({ port: Number(PORT), host: "127.0.0.1", dataDir: DATA_DIR }).start()
