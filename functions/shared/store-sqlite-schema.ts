/**
 * The tables of the SQLite store. `jobs` is the ledger: `deadline` is set while requests are open, `expires` once all have ended; then a
 * row lives twice, first with its results and, `gone`, as the memory that its id was given. `place` is -1 for a single request.
 */
export const schema = `
CREATE TABLE IF NOT EXISTS jobs (
  id TEXT PRIMARY KEY, list INTEGER NOT NULL, size INTEGER NOT NULL, open INTEGER NOT NULL, reply_to TEXT,
  attempts INTEGER NOT NULL DEFAULT 1, deadline INTEGER, expires INTEGER, gone INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS jobs_deadline ON jobs (deadline) WHERE deadline IS NOT NULL;
CREATE INDEX IF NOT EXISTS jobs_expires ON jobs (expires) WHERE expires IS NOT NULL;
CREATE TABLE IF NOT EXISTS bodies (job TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS results (
  job TEXT NOT NULL, place INTEGER NOT NULL, text TEXT NOT NULL, model TEXT, cached INTEGER NOT NULL,
  PRIMARY KEY (job, place)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS models (id TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS predictions (
  key TEXT PRIMARY KEY, text TEXT NOT NULL, model TEXT NOT NULL, expires INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS predictions_expires ON predictions (expires);
CREATE TABLE IF NOT EXISTS flights (
  key TEXT PRIMARY KEY, job TEXT NOT NULL, place INTEGER NOT NULL, expires INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS flights_leader ON flights (job, place);
CREATE TABLE IF NOT EXISTS followers (
  leader TEXT NOT NULL, leader_place INTEGER NOT NULL, job TEXT NOT NULL, place INTEGER NOT NULL,
  PRIMARY KEY (leader, leader_place, job, place)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS replies (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, reply_to TEXT NOT NULL, items TEXT NOT NULL, expires INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS replies_channel ON replies (reply_to, seq);
CREATE TABLE IF NOT EXISTS claims (
  key TEXT PRIMARY KEY, id TEXT NOT NULL, fingerprint TEXT NOT NULL, expires INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS claims_expires ON claims (expires);
CREATE TABLE IF NOT EXISTS dead_letters (
  id TEXT PRIMARY KEY, text TEXT NOT NULL, expires INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS dead_letters_expires ON dead_letters (expires);
CREATE TABLE IF NOT EXISTS said (
  home TEXT NOT NULL, away TEXT NOT NULL, league TEXT NOT NULL, model TEXT NOT NULL, made INTEGER NOT NULL, text TEXT NOT NULL,
  PRIMARY KEY (home, away, league, model)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS shadows (
  champion TEXT NOT NULL, challenger TEXT NOT NULL, home TEXT NOT NULL, away TEXT NOT NULL, league TEXT NOT NULL,
  made INTEGER NOT NULL, text TEXT NOT NULL, PRIMARY KEY (champion, challenger, home, away, league)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS counts (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
`;
