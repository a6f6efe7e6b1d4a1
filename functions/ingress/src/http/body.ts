import { Problem } from '../../../shared/http/problem.ts';
import { parseJson } from './parse-json.ts';

/** The body of a request as JSON of at most `limit` bytes. Throws a `Problem`: 415, 413, and what `parseJson` throws. */
export async function readJson(request: Request, limit: number): Promise<unknown> {
  const type = request.headers.get('content-type')?.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  if (type !== 'application/json') throw new Problem(415, 'content type must be application/json');
  return parseJson(await readText(request, limit));
}

/** The body of a request as text of at most `limit` bytes. Throws a `Problem` 413 as soon as it is known to be longer. */
export async function readText(request: Request, limit: number): Promise<string> {
  // Node's parser enforces the stated length.
  if (statedLength(request, limit) !== undefined) return request.text();
  return Buffer.from(await gathered(request, limit)).toString('utf8');
}

/** The body of a request of at most `limit` bytes. Throws a `Problem` 413 as soon as it is known to be longer. */
export async function readBytes(request: Request, limit: number): Promise<Uint8Array> {
  if (statedLength(request, limit) !== undefined) return new Uint8Array(await request.arrayBuffer());
  return gathered(request, limit);
}

const tooLong = (limit: number): Problem =>
  new Problem(413, `the body must not be longer than ${limit} bytes`);

function statedLength(request: Request, limit: number): number | undefined {
  const stated = request.headers.get('content-length');
  if (stated === null) return undefined;
  if (Number(stated) > limit) throw tooLong(limit);
  return Number(stated);
}

async function gathered(request: Request, limit: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  if (request.body)
    for await (const chunk of request.body as AsyncIterable<Uint8Array>) {
      length += chunk.byteLength;
      if (length > limit) throw tooLong(limit);
      chunks.push(chunk);
    }
  return Buffer.concat(chunks);
}
