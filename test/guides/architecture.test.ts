import { existsSync, globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';

const root = path.resolve(import.meta.dirname, '../..');
const pages = globSync(['*.md', 'docs/*.md', 'model/*.md', 'manifests/**/*.md', 'test/**/*.md'], {
  cwd: root,
});
/** What the readers of a page make themselves. */
const made = /\bupsets\b|^model\/(out|\.venv|other\.yaml)\b/;
const placeholder = /[*<{$…]/;

/** The paths of the project in the code of a page, inline or fenced. */
function pathsOf(text: string): string[] {
  const code = [...text.matchAll(/(?<!`)(`+)([^`]|[^`].*?[^`])\1(?!`)/gs)].map(([, , inside = '']) => inside);
  return code
    .flatMap((inside) => inside.split(/[\s'",;]+/))
    .filter((word) => /^(functions|eventing|manifests|model|test|docs)\/./.test(word))
    .filter((word) => !placeholder.test(word) && !made.test(word));
}

/** The folders of a tree, drawn by two spaces a level: `folder/   what it is`. */
function treeOf(text: string): string[] {
  const above: string[] = [];
  return [...text.matchAll(/^((?:  )*)([\w.-]+(?:\/[\w.-]+)*\/)(?:$| {2,})/gm)].map(
    ([, indent = '', name = '']) => {
      above.splice(indent.length / 2, Infinity, name);
      return above.join('');
    },
  );
}

/** The files that a page links to, relative to the root. */
function linksOf(page: string, text: string): string[] {
  const targets = [...text.matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)].map(([, target = '']) => target);
  return targets.map((target) => path.join(path.dirname(page), target));
}

test.each(pages)('every path that %s names exists', (page) => {
  const text = readFileSync(path.join(root, page), 'utf8');
  const named = [...pathsOf(text), ...treeOf(text), ...linksOf(page, text)];
  expect(named.filter((name) => !existsSync(path.join(root, name)))).toEqual([]);
});

test('a path that does not exist would be found', () => {
  const text =
    'See `node test/gone.ts` and\n\n```sh\nls functions/gone functions/*/func.yaml\n```\n\nthen `eventing/gone`.';
  expect(pathsOf(text)).toEqual(['test/gone.ts', 'functions/gone', 'eventing/gone']);
  expect(treeOf('test/      all\n  gone/    a\n    deep/  b\n  back/    c\n')).toEqual([
    ...['test/', 'test/gone/', 'test/gone/deep/', 'test/back/'],
  ]);
  expect(linksOf('docs/page.md', '[gone](gone.md#here), [web](https://example.org)')).toEqual([
    'docs/gone.md',
  ]);
});
