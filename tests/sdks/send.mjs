// Sends COUNT events with the official SDK for Node, evenly at PER_SECOND; prints {"ids": [...], "failed": [...]} as JSON.
// argv: host, write key, count, events per second, plain|gzip, person.
import { Analytics } from '@segment/analytics-node'
import { gzipSync } from 'node:zlib'
import { setTimeout as sleep } from 'node:timers/promises'

const [host, writeKey, count, perSecond, coding, person] = process.argv.slice(2)

// The SDK cannot compress by itself; `httpClient` is its documented place for a fetch that does.
const packed = (url, { headers, body, ...rest }) =>
  fetch(url, { ...rest, headers: { ...headers, 'Content-Encoding': 'gzip' }, body: gzipSync(body) })

const analytics = new Analytics({
  writeKey,
  host,
  flushAt: 50,
  flushInterval: 500,
  ...(coding === 'gzip' ? { httpClient: packed } : {}),
})
const ids = []
const failed = []
analytics.on('error', ({ code, reason }) => failed.push(`${code}: ${reason}`))
const done = (error, context) => (error ? failed.push(String(error)) : ids.push(context.event.messageId))

const began = performance.now()
for (let n = 0; n < Number(count); n++) {
  const early = began + (n / Number(perSecond)) * 1000 - performance.now()
  if (early > 5) await sleep(early)
  analytics.track({ userId: `${person}-${n % 20}`, event: `E${n % 7}`, properties: { n, text: 'ü'.repeat(20) } }, done)
}
await analytics.closeAndFlush({ timeout: 120_000 })
console.log(JSON.stringify({ ids, failed }))
