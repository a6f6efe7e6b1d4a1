import { readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';

const versions = path.resolve(import.meta.dirname, '../../model/registry/match-outcome');

export type ModelFiles = Record<'model.onnx' | 'teams.json' | 'card.json', string | Uint8Array>;

/** The files of the shipped version that the functions read; another `note` in the card makes another digest of the same model. */
export async function shippedFiles(note = ''): Promise<ModelFiles> {
  const newest = readdirSync(versions).sort((a, b) => Number(b) - Number(a))[0] ?? '';
  const file = (name: string): Promise<Buffer> => readFile(path.join(versions, newest, name));
  return {
    'model.onnx': await file('model.onnx'),
    'teams.json': await file('teams.json'),
    'card.json': `${JSON.stringify({ metrics: { note } })}\n`,
  };
}
