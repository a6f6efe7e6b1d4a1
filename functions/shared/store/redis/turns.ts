/**
 * Runs `limit` works at once. The others wait for their turn, first come, first served. One that has waited `ms` is rejected with what `late` makes,
 * and was never begun.
 */
export function takeTurns(
  limit: number,
  ms: number,
  late: () => Error,
): <T>(work: () => Promise<T>) => Promise<T> {
  let running = 0;
  const waiting = new Set<() => void>();

  const turn = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const begin = (): void => {
        clearTimeout(timer);
        waiting.delete(begin);
        resolve();
      };
      const timer = setTimeout(() => {
        waiting.delete(begin);
        reject(late());
      }, ms);
      waiting.add(begin);
    });

  return async (work) => {
    // Whoever ends hands its turn to the next, so nobody slips in between.
    if (running < limit) running++;
    else await turn();
    try {
      return await work();
    } finally {
      const [next] = waiting;
      if (next) next();
      else running--;
    }
  };
}
