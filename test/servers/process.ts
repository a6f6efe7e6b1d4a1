import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { until } from '../until.ts';

/** A server process of a test, with what it printed. */
export type Running = { child: ChildProcess; output: () => string };

/** Starts a program in a process group of its own, so that `end` reaches its children too. */
export function start(program: string, args: string[], env: Record<string, string> = {}): Running {
  const child = spawn(program, args, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let text = '';
  const keep = (chunk: Buffer) => {
    text = (text + chunk.toString()).slice(-10_000);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  return { child, output: () => text };
}

/** Ends a process group and waits until its leader is gone; after `deadline` ms by force. */
export async function end({ child }: Running, signal: NodeJS.Signals, deadline = 20_000): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const exited = once(child, 'exit');
  process.kill(-child.pid, signal);
  const timer = setTimeout(() => {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  }, deadline);
  await exited;
  clearTimeout(timer);
}

/** Waits until `ready`; throws with the output when the process ends first or the deadline passes. */
export async function ready(
  running: Running,
  condition: () => boolean | Promise<boolean>,
  deadline: number,
): Promise<void> {
  try {
    await until(
      () => {
        if (running.child.exitCode !== null) throw new Error(`ended with code ${running.child.exitCode}`);
        return condition();
      },
      { deadline },
    );
  } catch (error) {
    throw new Error(`the server did not start: ${(error as Error).message}\n${running.output()}`, {
      cause: error,
    });
  }
}

/** Whether a port of 127.0.0.1 takes connections. */
export function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => {
      resolve(false);
    });
  });
}
