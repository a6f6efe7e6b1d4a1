import type Crypto from 'node:crypto';

/**
 * Node's own modules, for code that is loaded before a function is ready. Not by `import`: that reads each property of a module, and some
 * load what a cold start does without: one of `node:http` all of fetch, one of `node:fs` streams, one of `node:crypto` Web Crypto. The
 * figures stand in docs/performance.md.
 */
export const fs = process.getBuiltinModule('node:fs');
export const http = process.getBuiltinModule('node:http');

let crypto: typeof Crypto | undefined;
/** `node:crypto`, loaded at its first use: nothing needs it before a function listens. */
export const loadCrypto = (): typeof Crypto => (crypto ??= process.getBuiltinModule('node:crypto'));

/** `node:https`, loaded at its first use: it loads TLS, and most processes never need it. */
export const loadHttps = () => process.getBuiltinModule('node:https');
