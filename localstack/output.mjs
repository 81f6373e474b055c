// Prints an output of the stack that `make localstack-deploy` deployed: output.mjs Url
import { readFile } from "node:fs/promises"

const [name] = process.argv.slice(2)
const file = new URL("../bin/localstack.outputs.json", import.meta.url)
const [stack] = Object.values(JSON.parse(await readFile(file, "utf8")))
if (!stack?.[name]) {
  console.error(`${file.pathname} has no output ${name}: run make localstack-deploy`)
  process.exit(1)
}
console.log(stack[name])
