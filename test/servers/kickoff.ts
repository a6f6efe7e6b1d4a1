import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import * as v from 'valibot';
import { until } from '../until.ts';
import { freePort } from './free-port.ts';

const root = path.resolve(import.meta.dirname, '../..');

/** The local runtime as its user starts it, in a process of its own. */
export type Kickoff = {
  url: string;
  /** Pids of the running processes of a function. */
  pids(name: string): number[];
  /** What it has printed so far. */
  output(): string;
  kill(signal: NodeJS.Signals): Promise<void>;
  start(): Promise<void>;
  /** As Ctrl-C. */
  stop(): Promise<void>;
};

/** What `npm start` gives to Node. */
export const startArguments = v
  .parse(
    v.object({ scripts: v.object({ start: v.string() }) }),
    JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')),
  )
  .scripts.start.split(' ')
  .slice(1);

/** Starts what `npm start` starts on a free port with this state folder and environment, and waits until it is ready. */
export async function startKickoff(state: string, env: Record<string, string>): Promise<Kickoff> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  let runtime: ChildProcess;
  let output = '';

  async function start(): Promise<void> {
    let since = '';
    runtime = spawn(process.execPath, startArguments, {
      cwd: root,
      env: { ...process.env, PORT: String(port), KICKOFF_STATE: state, NO_COLOR: '1', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [runtime.stdout, runtime.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => {
        output = (output + text).slice(-100_000);
        since = (since + text).slice(-100_000);
      });
    const started = runtime;
    await until(
      () => {
        if (started.exitCode !== null) throw new Error(`the runtime ended at start:\n${since}`);
        return since.includes(`ready at ${url}`);
      },
      { deadline: 60_000, what: 'the runtime is ready' },
    );
  }

  async function kill(signal: NodeJS.Signals): Promise<void> {
    if (runtime.exitCode !== null || runtime.signalCode !== null) return;
    const exited = once(runtime, 'exit');
    runtime.kill(signal);
    await exited;
  }

  await start();
  return {
    url,
    pids: (name) => childrenOf(runtime.pid ?? 0).filter((pid) => variable(pid, 'K_SERVICE') === name),
    output: () => output,
    kill,
    start,
    stop: () => kill('SIGINT'),
  };
}

function childrenOf(parent: number): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => {
      if (!(pid > 0)) return false;
      try {
        // The parent's pid is the second field behind the command, which stands in parentheses.
        const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
        return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === parent;
      } catch {
        return false;
      }
    });
}

function variable(pid: number, name: string): string | undefined {
  try {
    const pairs = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
    return pairs.find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1);
  } catch {
    return undefined;
  }
}
