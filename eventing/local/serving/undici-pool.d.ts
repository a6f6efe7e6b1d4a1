// undici's pool without the rest of undici: fetch, caches and WebSockets cost the runtime 13 MiB.
declare module 'undici/lib/dispatcher/pool.js' {
  import { Pool } from 'undici';
  export default Pool;
}
