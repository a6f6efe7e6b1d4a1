import path from 'node:path';
import { longestWait } from '../../functions/ingress/src/prefer.ts';
import { worstCase } from './broker/backoff.ts';
import { readDeclared } from './declared.ts';
import type { Declared } from './declared.ts';
import { ManifestError } from './manifest.ts';

/** One rule that numbers in different files must keep together, with its sum. */
export type Finding = { ok: boolean; rule: string; sum: string };

/** Messages that a dispatcher or source takes at once (facts of eventing-rabbitmq). */
const prefetch = 100;
/** RabbitMQ closes a channel of which a message was not acked for so long. */
const consumerTimeoutMs = 1_800_000;
/** A cold start as measured on a real cluster, with room for a model download. */
const coldStartMs = 5_000;

/** Checks that concurrency reaches every replica and that no time limit cuts off the one inside it. */
export function diagnose({ functions, wiring, timeoutMs }: Declared): Finding[] {
  const findings: Finding[] = [];
  const check = (ok: boolean, rule: string, sum: string): void => void findings.push({ ok, rule, sum });
  for (const trigger of wiring.triggers) {
    const name = new URL(trigger.subscriber).hostname.split('.')[0];
    const subscriber = functions.find(({ spec }) => spec.name === name);
    // Only the root path takes the load: others (a sweep) are not meant to scale the function.
    if (subscriber && new URL(trigger.subscriber).pathname === '/') {
      const { maxScale, total } = subscriber.config;
      check(
        maxScale > 0 && trigger.parallelism >= maxScale * total,
        `Trigger ${trigger.name} delivers enough at once for every replica of ${subscriber.spec.name}`,
        `parallelism ${trigger.parallelism} >= max ${maxScale} x target ${total} = ${maxScale * total}`,
      );
    }
    const { delivery } = trigger;
    if (!delivery) continue;
    const attemptMs = delivery.timeoutMs ?? timeoutMs;
    check(
      attemptMs > coldStartMs && attemptMs <= timeoutMs,
      `an attempt of Trigger ${trigger.name} outlasts a cold start, and the platform does not cut it`,
      `${seconds(coldStartMs)} < timeout ${seconds(attemptMs)} <= request timeout ${seconds(timeoutMs)}`,
    );
    const tries = `${delivery.retry + 1} x ${seconds(attemptMs)} + waits ${seconds(worstCase(delivery, 0))}`;
    unacked(`Trigger ${trigger.name}`, trigger.parallelism, worstCase(delivery, attemptMs), tries);
  }
  for (const source of wiring.sources) {
    // The Broker's ingress answers in milliseconds, or not at all: then the waits are what counts.
    const waits = worstCase(source.delivery, 0);
    unacked(`RabbitmqSource ${source.name}`, source.parallelism, waits, `waits ${seconds(waits)}`);
  }
  check(
    longestWait * 1000 < timeoutMs,
    'a client that waits as long as it may gets its answer before the request times out',
    `wait ${longestWait} s < request timeout ${seconds(timeoutMs)}`,
  );
  return findings;

  function unacked(what: string, parallelism: number, worstMs: number, how: string): void {
    const lastMs = (prefetch / parallelism) * worstMs;
    check(
      lastMs < consumerTimeoutMs,
      `the last of ${prefetch} messages that ${what} holds is acked before RabbitMQ's consumer timeout`,
      `${prefetch} / ${parallelism} x (${how}) = ${seconds(lastMs)} < ${seconds(consumerTimeoutMs)}`,
    );
  }
}

function seconds(ms: number): string {
  return `${Math.round(ms / 100) / 10} s`;
}

if (import.meta.main) {
  try {
    const findings = diagnose(readDeclared(path.resolve(import.meta.dirname, '../..')));
    for (const { ok, rule, sum } of findings) console.log(`${ok ? 'ok   ' : 'WRONG'} ${rule}\n      ${sum}`);
    if (findings.some(({ ok }) => !ok)) process.exitCode = 1;
  } catch (error) {
    if (!(error instanceof ManifestError)) throw error;
    console.error(error.message);
    process.exitCode = 1;
  }
}
