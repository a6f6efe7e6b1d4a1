import { visible } from './visible.ts';

const levels = ['debug', 'info', 'warn', 'error'] as const;
export type Level = (typeof levels)[number];

/** One JSON line per call; `fields` stand beside the message, an `error` among them with its causes. */
export type Log = Record<Level, (message: string, fields?: Record<string, unknown>) => void>;

/** Writes JSON lines from `level` on, errors to stderr, the rest to stdout; no text in them steers a terminal. */
export function createLog(
  level: Level,
  write: { out: (line: string) => void; err: (line: string) => void } = {
    out: (line) => process.stdout.write(line),
    err: (line) => process.stderr.write(line),
  },
): Log {
  const at =
    (own: Level): Log[Level] =>
    (message, fields = {}) => {
      if (levels.indexOf(own) < levels.indexOf(level)) return;
      const { error, ...rest } = fields;
      const line = { time: new Date().toISOString(), level: own, message, ...rest };
      const text = JSON.stringify(error === undefined ? line : { ...line, error: describe(error) });
      (own === 'error' ? write.err : write.out)(`${visible(text)}\n`);
    };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

/** The messages of an error and of its causes, in one line. */
export function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = 'code' in error && typeof error.code === 'string' ? `${error.code} ` : '';
  const own = `${error.name}: ${code}${error.message}`;
  return error.cause === undefined ? own : `${own} (because of ${describe(error.cause)})`;
}
