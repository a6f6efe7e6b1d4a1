import { openEmbedded } from '../../../../../eventing/local/eventing/broker/embedded.ts';

// A process that publishes and consumes until it is killed, and says what it did: `published N` after the confirm, `acked N` once a
// later confirm shows that the ack is in the file too (changes are durable in the order they were made).

const [file = '', from = '0'] = process.argv.slice(2);
const queues = openEmbedded(file);
await queues.declare({
  exchanges: [{ name: 'e', type: 'fanout' }],
  queues: [{ name: 'q', arguments: {} }],
  bindings: [{ exchange: 'e', queue: 'q', routingKey: '', arguments: {} }],
});
let acked: string[] = [];
await queues.consume('q', 100, (delivery) => {
  const id = delivery.messageId ?? '';
  process.stdout.write(`got ${id}\n`);
  // Every third stays in flight.
  if (Number(id) % 3 === 0) return;
  delivery.ack();
  acked.push(id);
});
for (let n = Number(from); ; n++) {
  const before = acked;
  acked = [];
  await queues.publish('e', '', { headers: {}, messageId: String(n), body: Buffer.alloc(1000) });
  process.stdout.write(`published ${n}\n${before.map((id) => `acked ${id}\n`).join('')}`);
}
