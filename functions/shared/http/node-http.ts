import type Http from 'node:http';
import type Https from 'node:https';

/**
 * Node's HTTP. Not by `import`: that reads each property of the module, and one of them loads all of fetch before a function listens
 * (26 ms of CPU). Types come from `node:http` by `import type`.
 */
export const http: typeof Http = process.getBuiltinModule('node:http');

/** Node's HTTPS. Loads TLS at its first call: most processes never need it. */
export const loadHttps = (): typeof Https => process.getBuiltinModule('node:https');
