import type { Binding, Exchange } from './queues.ts';

/** Whether a binding takes a message, by the rules of RabbitMQ (rabbit_exchange_type_*.erl). Topic patterns are not needed and refused by `declare`. */
export function takes(
  type: Exchange['type'],
  binding: Binding,
  routingKey: string,
  headers: Record<string, unknown>,
): boolean {
  if (type === 'fanout') return true;
  if (type !== 'headers') return binding.routingKey === routingKey;
  // Under `x-match: all`, arguments that begin with x- do not count, and the rest must be equal in type too.
  return Object.entries(binding.arguments).every(
    ([name, value]) => name.startsWith('x-') || headers[name] === value,
  );
}
