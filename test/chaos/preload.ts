// Loaded into every function by NODE_OPTIONS=--import; does what the file NODE_CHAOS asks of the function K_SERVICE when it starts.
import { readFileSync } from 'node:fs';
import { IncomingMessage } from 'node:http';
import * as v from 'valibot';

const Chaos = v.object({
  /** Milliseconds by which a function's clock is wrong. */
  skewMs: v.record(v.string(), v.number()),
  /** A function that sees this text in what it receives ends at once, as by a crash. */
  poison: v.object({ function: v.string(), text: v.string() }),
});
export type Chaos = v.InferOutput<typeof Chaos>;

const service = process.env['K_SERVICE'];
const file = process.env['NODE_CHAOS'];

if (service !== undefined && file !== undefined) {
  const { skewMs, poison } = v.parse(Chaos, JSON.parse(readFileSync(file, 'utf8')));
  skewClock(skewMs[service] ?? 0);
  if (poison.function === service) dieOf(poison.text);
}

function skewClock(skew: number): void {
  if (skew === 0) return;
  const RealDate = Date;
  const now = (): number => RealDate.now() + skew;
  globalThis.Date = new Proxy(RealDate, {
    construct: (target, args: unknown[]) =>
      v.parse(v.date(), Reflect.construct(target, args.length === 0 ? [now()] : args)),
    get: (target, key, receiver): unknown => (key === 'now' ? now : Reflect.get(target, key, receiver)),
  });
}

function dieOf(text: string): void {
  type Push = (chunk: unknown, encoding?: BufferEncoding) => boolean;
  const prototype: { push: Push } = IncomingMessage.prototype;
  const push: Push = prototype.push;
  prototype.push = function (this: IncomingMessage, chunk, encoding) {
    if (Buffer.isBuffer(chunk) && chunk.includes(text)) process.kill(process.pid, 'SIGKILL');
    return Reflect.apply(push, this, [chunk, encoding]);
  };
}
