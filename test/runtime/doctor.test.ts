import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { readDeclared } from '../../eventing/local/declared.ts';
import { diagnose } from '../../eventing/local/doctor.ts';

const root = path.resolve(import.meta.dirname, '../..');
const wrong = (declared: ReturnType<typeof readDeclared>): string[] =>
  diagnose(declared)
    .filter(({ ok }) => !ok)
    .map(({ rule, sum }) => `${rule}: ${sum}`);

describe('the doctor', () => {
  test('finds a Trigger that can never feed the last replica', () => {
    const declared = readDeclared(root);
    for (const trigger of declared.wiring.triggers) trigger.parallelism = 19;
    expect(wrong(declared)).toContain(
      'Trigger predict delivers enough at once for every replica of predict: parallelism 19 >= max 5 x target 4 = 20',
    );
  });

  test('finds retries that outlast the consumer timeout of RabbitMQ', () => {
    const declared = readDeclared(root);
    for (const { delivery } of declared.wiring.triggers) if (delivery) delivery.retry = 9;
    expect(wrong(declared).join('\n')).toContain('is acked before RabbitMQ');
  });

  test('finds time limits in the wrong order', () => {
    const declared = { ...readDeclared(root), timeoutMs: 20_000 };
    expect(wrong(declared).join('\n')).toMatch(/wait 60 s < request timeout 20 s/);
    expect(wrong(declared).join('\n')).toMatch(/timeout 30 s <= request timeout 20 s/);
  });

  test('finds nothing in the project as it is', () => {
    const declared = readDeclared(root);
    expect(wrong(declared)).toEqual([]);
    expect(diagnose(declared).length).toBeGreaterThanOrEqual(10);
  });
});
