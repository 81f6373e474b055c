import { execFile } from "node:child_process"
import { readFile, rm, writeFile } from "node:fs/promises"
import { promisify } from "node:util"
import { expect, it } from "vitest"
import { baseUrl } from "./base-url.mjs"

// The example program of README.md, as it stands there but for the server's address.
it("the README's JavaScript example runs and prints the event", async () => {
  const readme = await readFile(new URL("../../README.md", import.meta.url), "utf8")
  const example = /```js\n(.*?)```/s.exec(readme)?.[1]
  expect(example).toBeDefined()
  const file = new URL("./.readme-example.mjs", import.meta.url)
  const name = `readme-${Date.now()}`
  await writeFile(file, example!.replace("http://127.0.0.1:4437/v1/stream/my/events", `${baseUrl()}/v1/stream/${name}`))
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [file.pathname], { timeout: 20_000 })
    expect(stdout).toBe("{ hello: 'world' }\n")
  } finally {
    await rm(file)
  }
})
