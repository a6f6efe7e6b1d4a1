import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { scripts } from '../../functions/shared/store/redis/scripts.ts';
import { debian } from '../needs.ts';

const root = path.resolve(import.meta.dirname, '../..');
const folder = 'functions/shared/store/redis/scripts';

/** Texts by their names. */
type Texts = Record<string, string>;

/** A warning: its line and column in a script, then what is wrong. `W2…` and `W3…` are variables and values that nothing uses. */
const warning = /^stdin:(\d+):(\d+): (\((\w+)\) .*)$/gm;

/** A file in a script, and the lines before it. */
type Part = { file: string; before: number; lines: number };

function partsOf(script: string, files: Texts): Part[] {
  const linesIn = (text: string): number => text.split('\n').length - 1;
  return Object.entries(files).flatMap(([file, text]) => {
    const at = script.indexOf(text);
    return at < 0 ? [] : [{ file, before: linesIn(script.slice(0, at)), lines: linesIn(text) }];
  });
}

/**
 * What luacheck says of `scripts`, each a line that names one of the `files` that scripts are put together from. It is given whole scripts, as
 * Redis is, so that no list of what one file has from another can be wrong. What is unused in one script is well where another one uses it.
 */
export function lintLua(luacheck: string, scripts: Texts, files: Texts): string[] {
  const scriptsWith = new Map<string, number>();
  const found = new Map<string, { file: string | undefined; unused: boolean; times: number }>();
  for (const [name, script] of Object.entries(scripts)) {
    const parts = partsOf(script, files);
    for (const { file } of parts) scriptsWith.set(file, (scriptsWith.get(file) ?? 0) + 1);
    const args = ['--codes', '--formatter', 'plain', '-'];
    const { status, stdout, stderr } = spawnSync(luacheck, args, {
      cwd: root,
      input: script,
      encoding: 'utf8',
    });
    if (status === null || status > 2) throw new Error(`luacheck does not run: ${stderr}`);
    for (const [, line = '', column = '', message = '', code = ''] of stdout.matchAll(warning)) {
      const part = parts.find(({ before, lines }) => +line > before && +line <= before + lines);
      const place = part ? `${part.file}:${+line - part.before}` : `${name}, line ${line} of the whole`;
      const key = `${place}:${column}: ${message}`;
      const times = (found.get(key)?.times ?? 0) + 1;
      found.set(key, { file: part?.file, unused: /^W[23]/.test(code), times });
    }
  }
  return [
    ...[...found].flatMap(([text, { file, unused, times }]) =>
      unused && file !== undefined && times < (scriptsWith.get(file) ?? 0) ? [] : [text],
    ),
    ...Object.keys(files).flatMap((file) => (scriptsWith.has(file) ? [] : [`${file}: is in no script`])),
  ];
}

/** The files of the Redis store's scripts. */
export function luaFiles(): Texts {
  const names = readdirSync(path.join(root, folder));
  return Object.fromEntries(
    names.map((name) => [`${folder}/${name}`, readFileSync(path.join(root, folder, name), 'utf8')]),
  );
}

if (import.meta.main) {
  const need = await debian('luacheck', 'lua-check');
  const found = 'path' in need ? lintLua(need.path, scripts, luaFiles()) : [];
  for (const line of found) console.error(line);
  if (found.length > 0) process.exitCode = 1;
}
