// Loaded into every function by NODE_OPTIONS=--import; does what NODE_CHAOS asks of the function K_SERVICE.
import { IncomingMessage } from 'node:http';

type Chaos = {
  /** Milliseconds by which a function's clock is wrong. */
  skewMs?: Record<string, number>;
  /** A function that sees this text in a request's body ends at once, as by a crash. */
  poison?: { function: string; text: string };
};
const service = process.env['K_SERVICE'];
const chaos = JSON.parse(process.env['NODE_CHAOS'] ?? '{}') as Chaos;

const skew = service === undefined ? 0 : (chaos.skewMs?.[service] ?? 0);
if (skew !== 0) {
  const RealDate = Date;
  const now = (): number => RealDate.now() + skew;
  globalThis.Date = new Proxy(RealDate, {
    construct: (target, args: unknown[]) =>
      Reflect.construct(target, args.length === 0 ? [now()] : args) as Date,
    get: (target, key, receiver) => (key === 'now' ? now : (Reflect.get(target, key, receiver) as unknown)),
  });
}

const poison = chaos.poison;
if (poison && poison.function === service) {
  const push = IncomingMessage.prototype.push.bind(IncomingMessage.prototype);
  IncomingMessage.prototype.push = function (this: IncomingMessage, chunk: unknown, ...rest: []) {
    if (Buffer.isBuffer(chunk) && chunk.includes(poison.text)) process.kill(process.pid, 'SIGKILL');
    return push.call(this, chunk, ...rest);
  };
}
