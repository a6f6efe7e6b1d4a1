/**
 * Makes one call of `work` from what arrives during the call before, up to `limit` by `size`. What arrives when nothing is under way goes at
 * once: idle, an item costs one call; under load, a batch shares one. A rejected call rejects all its items. With `hold`, a call with results
 * still counts as under way until `hold` of its items resolves, or until so many wait that another batch is full.
 */
export function gather<T, R>(
  work: (items: readonly T[]) => Promise<readonly R[]>,
  {
    limit,
    size,
    hold,
  }: { limit: number; size: (item: T) => number; hold?: (items: readonly T[]) => Promise<void> },
): (item: T) => Promise<R> {
  type Waiting = { item: T; resolve: (result: R) => void; reject: (error: unknown) => void };
  let queue: Waiting[] = [];
  let waiting = 0;
  let running = false;
  let tellFull: () => void = () => undefined;

  function take(): Waiting[] {
    let total = 0;
    const over = queue.findIndex(({ item }, place) => (total += size(item)) > limit && place > 0);
    const batch = over < 0 ? queue : queue.slice(0, over);
    queue = over < 0 ? [] : queue.slice(over);
    waiting -= batch.reduce((sum, { item }) => sum + size(item), 0);
    return batch;
  }

  /** Resolves once a full batch waits. */
  function full(): Promise<void> {
    return new Promise((resolve) => {
      if (waiting >= limit) resolve();
      else tellFull = resolve;
    });
  }

  async function run(): Promise<void> {
    running = true;
    while (queue.length > 0) {
      const batch = take();
      try {
        const results = await work(batch.map(({ item }) => item));
        for (const [place, { resolve, reject }] of batch.entries()) {
          if (place < results.length) resolve(results[place] as R);
          else reject(new Error('a batch gave fewer results than it had items'));
        }
        if (hold) await Promise.race([hold(batch.map(({ item }) => item)), full()]);
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    running = false;
  }

  return (item) =>
    new Promise((resolve, reject) => {
      queue.push({ item, resolve, reject });
      waiting += size(item);
      if (waiting >= limit) tellFull();
      if (!running) void run();
    });
}
