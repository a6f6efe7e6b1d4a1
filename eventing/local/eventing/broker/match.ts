import type { Binding, Exchange } from './queues.ts';

/** Whether a binding takes a message, by RabbitMQ's rules (rabbit_exchange_type_*.erl). `declare` refuses patterns of a topic binding. */
export function takes(
  type: Exchange['type'],
  binding: Binding,
  routingKey: string,
  headers: Record<string, unknown>,
): boolean {
  if (type === 'fanout') return true;
  if (type !== 'headers') return binding.routingKey === routingKey;
  // Under `x-match: all`, arguments that begin with x- do not count; the rest must equal in type too.
  return Object.entries(binding.arguments).every(
    ([name, value]) => name.startsWith('x-') || headers[name] === value,
  );
}
