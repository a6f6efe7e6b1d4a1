import { describe, expect, test } from 'vitest';
import { debian } from '../needs.ts';
import { lintLua } from './lua.ts';

const need = await debian('luacheck', 'lua-check');

describe.skipIf('missing' in need)('the lint of Lua', () => {
  const lint = (scripts: Record<string, string>, files: Record<string, string>): string[] =>
    lintLua('path' in need ? need.path : '', scripts, files);
  const twice = '-- Doubles.\nlocal function twice(n) return 2 * n end\n';

  test('names the line of the file, not of the script, that has what nothing defines', () => {
    const own = '\nreturn twice(KEYS[1]) + missing\n';
    expect(lint({ a: twice + own }, { twice, own })).toEqual([
      "own:2:25: (W113) accessing undefined variable 'missing'",
    ]);
  });

  test('a piece may use only what stands before it, in every script', () => {
    const piece = 'local function four() return twice(2) end\n';
    const own = 'return four()\n';
    expect(lint({ a: twice + piece + own, b: piece + own }, { twice, piece, own })).toEqual([
      "piece:1:30: (W113) accessing undefined variable 'twice'",
    ]);
  });

  test('what a piece has is to be used by one script at least', () => {
    const one = 'return 1\n';
    const two = 'return twice(1)\n';
    expect(lint({ one: twice + one, two: twice + two }, { twice, one, two })).toEqual([]);
    expect(lint({ one: twice + one }, { twice, one })).toEqual([
      "twice:2:16: (W211) unused function 'twice'",
    ]);
  });

  test('what is put between the files counts too, and so does a file that nothing uses', () => {
    const own = 'return 1\n';
    expect(lint({ a: `local SIZE = 1\n${own}` }, { own, twice })).toEqual([
      "a, line 1 of the whole:7: (W211) unused variable 'SIZE'",
      'twice: is in no script',
    ]);
  });

  test('what reaches out of Redis is not there, and what is no Lua is refused', () => {
    const own = "print('x')\n";
    expect(lint({ a: own }, { own })).toEqual(["own:1:1: (W113) accessing undefined variable 'print'"]);
    const broken = 'return return\n';
    expect(lint({ a: broken }, { broken })).toEqual([expect.stringMatching(/^broken:1:8: \(E011\)/)]);
  });
});
