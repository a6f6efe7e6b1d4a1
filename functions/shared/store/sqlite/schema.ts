/** The number of the layout below (`PRAGMA user_version`). Raise it with each change. */
export const layout = 3;

/**
 * The tables of the SQLite store. A write costs by the pages that it touches. So rows lie in the order of their writing, and each text is there
 * once. Names of teams come in any order: rows are found by a short hash of them (`hashOf`), since an index of numbers has few pages.
 *
 * `jobs` is the ledger. `fingerprints` says what was asked (`fingerprintsOf`). `deadline` is set while requests are open, with the `body` that is
 * published again; `expires` is set once all have ended. A row then has two lives: first with its results, then, `gone`, only as the memory of its
 * id. A `request` is a number made of `jobs.seq` and the place in the job (`requestOf`). A result with a `key` is the cache: it answers others
 * until `serves`. `flights` names the request in flight that others join. One of `models` is not known by its own id: the one that answered last.
 */
export const schema = `
CREATE TABLE jobs (
  seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, list INTEGER NOT NULL, size INTEGER NOT NULL, open INTEGER NOT NULL, reply_to TEXT,
  attempts INTEGER NOT NULL DEFAULT 1, deadline INTEGER, expires INTEGER, gone INTEGER NOT NULL DEFAULT 0, body TEXT,
  fingerprints TEXT NOT NULL);
CREATE INDEX jobs_deadline ON jobs (deadline) WHERE deadline IS NOT NULL;
CREATE INDEX jobs_expires ON jobs (expires) WHERE expires IS NOT NULL;
CREATE TABLE results (
  request INTEGER PRIMARY KEY, text TEXT NOT NULL, model TEXT, cached INTEGER NOT NULL, key TEXT, hash INTEGER, serves INTEGER);
CREATE INDEX results_hash ON results (hash) WHERE hash IS NOT NULL;
CREATE TABLE models (id TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE flights (request INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, expires INTEGER NOT NULL);
CREATE TABLE followers (leader INTEGER NOT NULL, request INTEGER NOT NULL, PRIMARY KEY (leader, request)) WITHOUT ROWID;
CREATE TABLE replies (seq INTEGER PRIMARY KEY, reply_to TEXT NOT NULL, requests TEXT NOT NULL, expires INTEGER NOT NULL);
CREATE TABLE claims (
  key TEXT PRIMARY KEY, id TEXT NOT NULL, fingerprint TEXT NOT NULL, expires INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX claims_expires ON claims (expires);
CREATE TABLE dead_letters (
  id TEXT PRIMARY KEY, signed INTEGER NOT NULL, expires INTEGER NOT NULL, bytes INTEGER NOT NULL, text TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX dead_letters_expires ON dead_letters (expires);
CREATE INDEX dead_letters_kept ON dead_letters (signed, expires, bytes);
CREATE TABLE said (
  home TEXT NOT NULL, away TEXT NOT NULL, league TEXT NOT NULL, model TEXT NOT NULL, made INTEGER NOT NULL, text TEXT NOT NULL,
  hash INTEGER NOT NULL);
CREATE INDEX said_hash ON said (hash);
CREATE TABLE shadows (
  champion TEXT NOT NULL, challenger TEXT NOT NULL, home TEXT NOT NULL, away TEXT NOT NULL, league TEXT NOT NULL,
  made INTEGER NOT NULL, text TEXT NOT NULL, PRIMARY KEY (champion, challenger, home, away, league)) WITHOUT ROWID;
CREATE TABLE counts (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
`;
