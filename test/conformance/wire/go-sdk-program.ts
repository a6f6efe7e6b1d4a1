import { spawnSync } from 'node:child_process';
import { goProgram } from '../../needs.ts';
import type { Case } from './go-sdk-cases.ts';

/** The program that reads messages as eventing-rabbitmq does, with the CloudEvents SDK for Go. */
export const goSdk = await goProgram('test/conformance/wire/go-sdk');

/** What it makes of a case: what it would send on, the body in base64, or why it sends nothing. */
export type Made = { headers: Record<string, unknown>; body: string | null; error?: string };

/** Lets the program at `path` read all cases. */
export function madeBySdk(path: string, cases: readonly Case[]): Made[] {
  const input = cases.map(({ body, ...rest }) => ({ ...rest, body: body.toString('base64') }));
  const { stdout, stderr } = spawnSync(path, { input: JSON.stringify(input), maxBuffer: 2 ** 28 });
  const lines = stdout.toString().trim().split('\n');
  if (lines.length !== cases.length) throw new Error(`${path}: ${stderr.toString()}`);
  return lines.map((line) => JSON.parse(line) as Made);
}
