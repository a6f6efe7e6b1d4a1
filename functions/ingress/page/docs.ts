import type { OpenApi, Operation } from './openapi-parts.ts';

type Media = {
  schema?: unknown;
  example?: unknown;
  examples?: Record<string, { summary: string; value: unknown }>;
};

const escape = (text: string): string =>
  text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
/** Escaped text with `code` marked as such. */
const prose = (text: string): string => escape(text).replace(/`([^`]+)`/g, '<code>$1</code>');
const pre = (value: unknown): string =>
  `<pre tabindex="0"><code>${escape(typeof value === 'string' ? value : JSON.stringify(value, null, 2))}</code></pre>`;

function media(content: Record<string, unknown> | undefined): string {
  return Object.entries(content ?? {})
    .map(([type, given]) => {
      const { schema, example, examples } = given as Media;
      const shown = examples ? Object.values(examples) : [{ summary: 'Example', value: example }];
      const references = [...JSON.stringify(schema ?? {}).matchAll(/components\/schemas\/(\w+)/g)].map(
        ([, name = '']) => `<a href="#schema-${name}">${name}</a>`,
      );
      const named = references.length > 0 ? `: ${references.join(' or ')}` : '';
      return `<p class="media"><code>${type}</code>${named}</p>${shown
        .map(({ summary, value }) => `<details><summary>${escape(summary)}</summary>${pre(value)}</details>`)
        .join('')}`;
    })
    .join('');
}

function parameters({ parameters: given = [] }: Operation): string {
  if (given.length === 0) return '';
  const rows = given.map(
    ({ name, in: where, required, description }) =>
      `<tr><th scope="row"><code>${escape(name)}</code></th><td>${where}${required === true ? ', required' : ''}</td><td>${prose(description)}</td></tr>`,
  );
  return `<h4>Parameters</h4><table><tbody>${rows.join('')}</tbody></table>`;
}

function operation(method: string, path: string, described: Operation): string {
  const { operationId, summary, description, requestBody, responses } = described;
  const answers = Object.entries(responses).map(
    ([status, { description: what, content }]) =>
      `<li><b class="status s${status.charAt(0)}">${status}</b> ${prose(what)}${media(content)}</li>`,
  );
  return `<article class="card" id="${operationId}">
<h3><a href="#${operationId}">${escape(summary)}</a></h3>
<p class="path"><b>${method.toUpperCase()}</b> <code>${escape(path)}</code></p>
${description === undefined ? '' : `<p>${prose(description)}</p>`}
${parameters(described)}
${requestBody ? `<h4>Body</h4>${media(requestBody.content)}` : ''}
<h4>Answers</h4><ul class="answers">${answers.join('')}</ul>
</article>`;
}

/** A program to paste: how to run it, and its text as it stands in docs/examples. */
export type Example = { file: string; run: string; text: string };

function programs(examples: readonly Example[]): string {
  return examples
    .map(
      ({ file, run, text }) =>
        `<details class="program" id="${file}"><summary>${prose(run)}</summary>${pre(text.trimEnd())}</details>`,
    )
    .join('');
}

/**
 * The description as a page without script. `assets` names the style sheet and the icon as served. `examples` are programs that ask and that
 * produce events.
 */
export function docsPage(
  { info, tags, paths, components }: OpenApi,
  assets: { style: string; icon: string },
  examples: { ask: readonly Example[]; produce: readonly Example[] },
): string {
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, described]) => ({ method, path, described })),
  );
  const sections = tags.map(({ name, description }) => {
    const own = operations.filter(({ described }) => described.tags.includes(name));
    return {
      name,
      links: own.map(
        ({ described }) => `<li><a href="#${described.operationId}">${escape(described.summary)}</a></li>`,
      ),
      html: `<section><h2>${name}</h2><p>${prose(description)}</p>${own
        .map(({ method, path, described }) => operation(method, path, described))
        .join('')}</section>`,
    };
  });
  const schemas = Object.entries(components.schemas).map(
    ([name, schema]) => `<details id="schema-${name}"><summary>${name}</summary>${pre(schema)}</details>`,
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${info.title}: the API</title>
<link rel="icon" href="/${assets.icon}" type="image/svg+xml">
<link rel="stylesheet" href="/${assets.style}">
</head>
<body>
<div id="app" class="docs">
<header class="top">
<a class="brand" href="/"><img src="/${assets.icon}" alt="">${info.title}</a>
<nav aria-label="Pages"><a href="/">One match</a><a href="/#matchday">Matchday</a><a href="/docs" aria-current="page">API</a></nav>
</header>
<main>
<div class="intro"><h1>The API</h1><p>${prose(info.description)} Machines read <a href="/openapi.json">openapi.json</a> (OpenAPI 3.1).</p></div>
<section class="card"><h2>Try it</h2>${pre(`curl http://localhost:8080/v1/predictions \\
  -H 'content-type: application/json' \\
  -d '{"home": "Arsenal", "away": "Chelsea"}'`)}
<p>Or as a program; <code>KICKOFF_URL</code> is where it asks when that is not <code>http://localhost:8080</code>.</p>
${programs(examples.ask)}
<p>A service that sends CloudEvents instead:</p>
${programs(examples.produce)}</section>
<nav class="contents" aria-label="Contents">${sections.map(({ name, links }) => `<div><h2>${name}</h2><ul>${links.join('')}</ul></div>`).join('')}</nav>
${sections.map(({ html }) => html).join('')}
<section><h2>Schemas</h2><p>JSON Schema 2020-12, made from the schemas that the code parses with.</p>${schemas.join('')}</section>
</main>
</div>
</body>
</html>
`;
}
