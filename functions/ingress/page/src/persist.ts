import { Busy } from './api.ts';

/** Why an attempt is being repeated: the connection is lost, or the server asks for patience. */
export type Trouble = { why: 'lost' | 'busy'; detail: string };

/** Resolves after `ms`, when the browser is online again, or when `signal` aborts. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      removeEventListener('online', end);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    addEventListener('online', end);
    signal.addEventListener('abort', end);
  });
}

/**
 * Runs `work` until it answers: again as soon as a lost connection may be back, or when the server says. A prediction changes nothing, so asking
 * twice does no harm. Rejects with an error that is not worth another attempt, or after two minutes of trouble.
 */
export async function persist<T>(
  work: () => Promise<T>,
  onTrouble: (trouble: Trouble | undefined) => void,
  signal: AbortSignal,
): Promise<T> {
  const giveUpAt = Date.now() + 120_000;
  for (let attempt = 0; ; attempt++) {
    try {
      const result = await work();
      onTrouble(undefined);
      return result;
    } catch (error) {
      if (signal.aborted || Date.now() > giveUpAt) throw error;
      if (error instanceof Busy) {
        onTrouble({ why: 'busy', detail: error.message });
        await pause(error.seconds * 1000, signal);
      } else if (error instanceof Error && error.name === 'TypeError') {
        // This is how fetch reports a missing connection.
        onTrouble({ why: 'lost', detail: 'No connection: trying again.' });
        await pause(Math.min(500 * 2 ** attempt, 8000), signal);
      } else throw error;
      signal.throwIfAborted();
    }
  }
}
