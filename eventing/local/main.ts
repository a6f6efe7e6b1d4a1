import { flushCompileCache } from 'node:module';
import path from 'node:path';
import * as v from 'valibot';
import { amqpUrl, httpUrl, storeUrl } from '../../functions/shared/config.ts';
import { signingKeys } from '../../functions/shared/events/signing-keys.ts';
import { visibleLines } from '../../functions/shared/visible.ts';
import { Failure, ofProcess, Refusal, runCommand } from '../commands/command.ts';
import { startRuntime } from './runtime.ts';
import { openScreen } from './table.ts';

const Env = v.object({
  PORT: v.optional(
    v.pipe(
      v.string(),
      v.regex(/^\d+$/, 'must be a port number'),
      v.transform(Number),
      v.maxValue(65_535, 'must be a port number'),
    ),
    '8080',
  ),
  KICKOFF_STATE: v.optional(v.string(), '.kickoff'),
  // The functions read these: a fault is told now, not by the first request.
  AMQP_URL: v.optional(amqpUrl),
  STORE_URL: v.optional(storeUrl),
  MLFLOW_TRACKING_URI: v.optional(httpUrl),
  SIGNING_KEYS: v.optional(signingKeys),
});

/** Time for requests in flight after Ctrl-C: as long as a client waits by default. */
const drainMs = 10_000;
const root = path.resolve(import.meta.dirname, '../..');

const help = `npm start

Runs the functions on this machine as Knative would: from zero, by the manifests in functions/ and eventing/. Ctrl-C drains, a second one stops at once.

  PORT                  where it listens (default 8080)
  KICKOFF_STATE         folder of the embedded broker and store (default .kickoff)
  AMQP_URL, STORE_URL   a real RabbitMQ and Redis instead of the embedded ones
  MLFLOW_TRACKING_URI   a real MLflow instead of the shipped registry, with MODEL_URI
  SIGNING_KEYS          what functions sign their events with, instead of the key in KICKOFF_STATE

Exit code: 0 stopped, 1 it cannot start, or was stopped at once, 2 wrong usage.`;

async function start(): Promise<0> {
  // An empty variable counts as unset, as in the functions.
  const set = Object.fromEntries(Object.entries(process.env).filter(([, value]) => value !== ''));
  const env = v.safeParse(Env, set);
  if (!env.success) throw new Refusal(`${v.getDotPath(env.issues[0]) ?? ''} ${env.issues[0].message}`);
  const { PORT: port, KICKOFF_STATE: stateFolder } = env.output;
  const screen = process.stdout.isTTY ? openScreen(process.stdout) : undefined;
  const log = (part: string, line: string): void => {
    const text = `${part.padEnd(11)} ${visibleLines(line)}`;
    if (screen) screen.line(text);
    else console.log(text);
  };
  const runtime = await startRuntime({ root, port, stateFolder, env: process.env, log }).catch(
    (error: unknown) => {
      if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE')
        throw new Failure(`port ${port} is in use: stop what listens there, or set PORT to another`);
      if (error instanceof Error && 'syscall' in error && error.syscall === 'listen')
        throw new Failure(`port ${port} cannot be listened on (${error.message}): set PORT to another`);
      if (error instanceof Error && 'code' in error) throw new Failure(`cannot start: ${error.message}`);
      throw error;
    },
  );
  log('platform', `ready at ${runtime.url}`);
  // Otherwise it is written only at the end, and never after a kill -9.
  flushCompileCache();
  const drawing =
    screen &&
    setInterval(() => {
      screen.draw(runtime.status());
    }, 250);
  let stopping = false;
  const stop = (): void => {
    if (stopping) {
      runtime.kill();
      process.exit(1);
    }
    stopping = true;
    log('platform', 'stops; again to stop at once');
    clearInterval(drawing);
    runtime.close(drainMs).then(
      () => process.exit(0),
      (error: unknown) => {
        console.error(String(error));
        process.exit(1);
      },
    );
  };
  process.on('SIGINT', stop).on('SIGTERM', stop);
  return 0;
}

process.exitCode = await runCommand(ofProcess(), { help, options: {} }, start);
