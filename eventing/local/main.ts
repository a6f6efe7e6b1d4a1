import { flushCompileCache } from 'node:module';
import path from 'node:path';
import * as v from 'valibot';
import { visible } from '../../functions/shared/visible.ts';
import { BundleError } from './bundles.ts';
import { ManifestError } from './manifest.ts';
import { startRuntime } from './runtime.ts';
import { StateInUse } from './state-lock.ts';
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
});

/** Time for what is in flight after Ctrl-C: as long as a client waits by default. */
const drainMs = 10_000;
const root = path.resolve(import.meta.dirname, '../..');

function fail(message: string): never {
  console.error(message);
  process.exit(1);
}

async function main(): Promise<void> {
  const env = v.safeParse(Env, process.env);
  if (!env.success) fail(`PORT ${env.issues[0].message}`);
  const { PORT: port, KICKOFF_STATE: stateFolder } = env.output;
  const screen = process.stdout.isTTY ? openScreen(process.stdout) : undefined;
  const log = (part: string, line: string): void => {
    const text = `${part.padEnd(11)} ${visible(line)}`;
    if (screen) screen.line(text);
    else console.log(text);
  };
  const runtime = await startRuntime({ root, port, stateFolder, env: process.env, log }).catch(
    (error: unknown) => {
      if (error instanceof ManifestError || error instanceof StateInUse || error instanceof BundleError)
        fail(error.message);
      if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE')
        fail(`port ${port} is in use: stop what listens there, or set PORT to another`);
      if (error instanceof Error && 'code' in error) fail(`cannot start: ${error.message}`);
      throw error;
    },
  );
  log('platform', `ready at ${runtime.url}`);
  // Else it is written at the end only, and never after a kill -9.
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
      (error: unknown) => fail(String(error)),
    );
  };
  process.on('SIGINT', stop).on('SIGTERM', stop);
}

await main();
