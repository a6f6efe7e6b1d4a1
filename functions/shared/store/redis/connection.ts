import { hash } from 'node:crypto';
import { Redis, type RedisOptions } from 'ioredis';
import { StoreUnavailable } from '../store.ts';
import { takeTurns } from './turns.ts';

type Argument = string | number;

export type RedisConnection = Awaited<ReturnType<typeof openRedis>>;

/** The longest that a caller waits for Redis, in ms. */
const commandTimeout = 1500;

/**
 * The most scripts of a process that Redis has at once. It runs one after the other, so more would not be done sooner, and what they carry and what
 * they answer would all lie in its memory: up to a megabyte and more each.
 */
const scriptsAtOnce = 4;
/** The longest that a script waits for its turn, in ms: less than `commandTimeout`, or those that a Redis which hangs keeps would let others begin. */
const turnTimeout = 1000;

const options = {
  lazyConnect: true,
  connectTimeout: 2000,
  commandTimeout,
  // A peer that went away without a word is noticed by the first command that it does not answer, not by TCP after minutes.
  socketTimeout: 2 * commandTimeout,
  maxRetriesPerRequest: 1,
  // Without a connection a command fails at once: what callers do then is decided above, not in a queue here.
  enableOfflineQueue: false,
  // A command that was cut off may have been carried out: the caller decides whether to send it again.
  autoResendUnfulfilledCommands: false,
  retryStrategy: (times) => Math.min(50 * 2 ** (times - 1), 1000),
  // After a failover the old primary refuses writes: the name may point at the new one by now.
  reconnectOnError: (error) => error.message.startsWith('READONLY'),
} satisfies RedisOptions;

function client(url: string): Redis {
  try {
    return new Redis(url, options);
  } catch {
    // Neither the URL nor the error is repeated, which has it too: it may hold a password.
    throw new Error(
      'STORE_URL is not a Redis URL; write redis://user:password@host:port/number, with what is special in the password percent-encoded',
    );
  }
}

/**
 * A connection to Redis that fails fast and comes back by itself. It waits for the first connection, but does not insist on it. RESP3 lets it
 * take commands and messages on one socket, so that a socket which died silently is noticed by either.
 */
export async function openRedis(url: string) {
  const redis = client(url);
  let lastError: Error | undefined;
  redis.on('error', (error: Error) => {
    lastError = error;
  });
  redis.on('ready', () => {
    lastError = undefined;
  });
  await redis.connect().catch(() => undefined);

  async function guarded<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (cause) {
      const { host, port } = redis.options;
      const error = redis.status === 'ready' ? cause : (lastError ?? cause);
      const why = error instanceof Error ? error.message || error.name : String(error);
      throw new StoreUnavailable(
        `the store redis://${host ?? ''}:${port ?? ''} does not take the work: ${why}`,
        {
          cause: error,
        },
      );
    }
  }

  const scriptTurn = takeTurns(scriptsAtOnce, turnTimeout, () => new Error('too much waits for it'));
  const channelPrefix = 'kickoff:reply:';
  const shaOf = new Map<string, string>();

  return {
    call: (command: string, ...args: Argument[]): Promise<unknown> =>
      guarded(() => redis.call(command, ...args)),
    /** Runs a script by its digest; a server that does not know it (yet, or since a restart) is sent the text. */
    script: (text: string, args: readonly Argument[]): Promise<unknown> =>
      guarded(() =>
        scriptTurn(async () => {
          const sha = shaOf.get(text) ?? hash('sha1', text);
          shaOf.set(text, sha);
          try {
            return await redis.evalsha(sha, 0, ...args);
          } catch (error) {
            if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
            return await redis.eval(text, 0, ...args);
          }
        }),
      ),
    /** Subscriptions are made again by themselves after a reconnect. */
    subscribe: (channel: string) => guarded(() => redis.subscribe(channelPrefix + channel)),
    unsubscribe: (channel: string) => guarded(() => redis.unsubscribe(channelPrefix + channel)),
    onMessage(callback: (channel: string, message: string) => void): void {
      redis.on('message', (channel: string, message: string) => {
        callback(channel.slice(channelPrefix.length), message);
      });
    },
    /** Lets what was sent be answered first. */
    async close(): Promise<void> {
      if (redis.status === 'ready') await redis.quit().catch(() => undefined);
      redis.disconnect();
    },
  };
}
