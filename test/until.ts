import { setTimeout as wait } from 'node:timers/promises';

/** Resolves with the first truthy value of `condition`, asked `every` so many ms; throws after `deadline` ms, naming `what`. */
export async function until<T>(
  condition: () => T | Promise<T>,
  {
    deadline = 10_000,
    every = 10,
    what = condition.toString(),
  }: { deadline?: number; every?: number; what?: string } = {},
): Promise<NonNullable<T>> {
  const end = performance.now() + deadline;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (performance.now() > end) throw new Error(`not within ${deadline} ms: ${what}`);
    await wait(every);
  }
}
