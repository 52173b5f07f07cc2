// Makes one HTML file (the second argument) of a file of Cucumber Messages (the first).
import { createReadStream, createWriteStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { CucumberHtmlStream } from '@cucumber/html-formatter'

const [messages, page] = process.argv.slice(2)

async function* envelopes() {
  for await (const line of createInterface({ input: createReadStream(messages) })) yield JSON.parse(line)
}

await pipeline(Readable.from(envelopes()), new CucumberHtmlStream(), createWriteStream(page))
