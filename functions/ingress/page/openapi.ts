import type { OpenApi, Operation } from './openapi-parts.ts';
import { componentSchemas } from './openapi-schemas.ts';
import { serving } from './openapi-serving.ts';
import { catalogue, events, predictions } from './openapi-v1.ts';

const probe = (operationId: string, summary: string, example: string): { get: Operation } => ({
  get: {
    operationId,
    tags: ['Probes'],
    summary,
    responses: {
      200: { description: 'Yes.', content: { 'text/plain': { schema: { type: 'string' }, example } } },
      ...(operationId === 'isReady'
        ? {
            503: {
              description: 'Not yet, or no more.',
              content: { 'text/plain': { schema: { type: 'string' }, example: 'not ready\n' } },
            },
          }
        : {}),
    },
  },
});

/** The description of the HTTP API (OpenAPI 3.1), from the schemas that the code parses with. Throws when an example does not fit its schema. */
export function openApi(): OpenApi {
  return {
    openapi: '3.1.0',
    info: {
      title: 'Kickoff',
      version: '1',
      description:
        'Match predictions. Every answer says which model version made it, what that version knows, and whether it came from the cache. Errors are `application/problem+json` with the id of the request.',
    },
    tags: [
      { name: 'Predictions', description: 'Ask, and be answered now or later.' },
      { name: 'Events', description: 'For producers that speak CloudEvents.' },
      { name: 'Catalogue', description: 'What can be asked, and who answers.' },
      {
        name: 'Model serving',
        description: 'The protocols of model-serving clients: Open Inference Protocol v2 and MLflow.',
      },
      { name: 'Probes', description: 'For the platform.' },
    ],
    paths: {
      ...predictions,
      ...events,
      ...catalogue,
      ...serving,
      '/health/liveness': probe('isAlive', 'Whether the process runs', 'alive\n'),
      '/health/readiness': probe('isReady', 'Whether requests can be sent here', 'ready\n'),
    },
    components: { schemas: componentSchemas() },
  };
}
