import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Rabbit } from './rabbitmq.ts';

const page = path.resolve(import.meta.dirname, '../../docs/producing-events.md');

/** Makes the user of producers on a RabbitMQ, by the lines that docs/producing-events.md shows. */
export async function makeProducer(rabbit: Rabbit, password: string): Promise<void> {
  const lines = [...readFileSync(page, 'utf8').matchAll(/^rabbitmqctl (.+)$/gm)].map(([, line = '']) => line);
  if (lines.length !== 3)
    throw new Error(`docs/producing-events.md has ${lines.length} lines of rabbitmqctl`);
  for (const line of lines) {
    // As a shell reads them: words, some of them in quotes.
    const words = [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, word]) => quoted ?? word ?? '');
    await rabbit.ctl(...words.map((word) => (word === '<password>' ? password : word)));
  }
}

/** The URL of a RabbitMQ for that user. */
export function producerUrl(rabbit: Rabbit, password: string): string {
  const url = new URL(rabbit.url);
  return `amqp://kickoff-producer:${password}@${url.host}`;
}
