// What may import what; docs/architecture.md draws it. `npm run lint` checks it, types included.
const not = (name, comment, from, to) => ({ name, comment, severity: 'error', from, to });

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    not(
      'no-circular',
      'Two files that need each other are one file, or lack a third.',
      {},
      { circular: true },
    ),
    not(
      'no-unresolvable',
      'An import that leads nowhere would hide from every other rule.',
      {},
      { couldNotResolve: true },
    ),
    not(
      'floor-functions',
      'A function runs in its image: what runs or deploys it is not there.',
      { path: '^functions/' },
      { path: '^(eventing|manifests|test)/' },
    ),
    not(
      'floor-eventing',
      'eventing/ is deployed, and run, without the commands that deploy it.',
      { path: '^eventing/' },
      { path: '^(manifests|test)/' },
    ),
    not('floor-manifests', 'Tests are on top.', { path: '^manifests/' }, { path: '^test/' }),
    not(
      'shared-knows-no-function',
      'shared is what functions have in common.',
      { path: '^functions/shared/' },
      { path: '^functions/(?!shared/)' },
    ),
    not(
      'functions-are-apart',
      'Functions meet by events, not by imports: each folder is an image of its own.',
      { path: '^functions/([^/]+)/src/' },
      { path: '^functions/', pathNot: ['^functions/shared/', '^functions/$1/'] },
    ),
    not(
      'redis-knows-no-sqlite',
      'Two stores, one contract.',
      { path: '/store/redis/' },
      { path: '/store/sqlite/' },
    ),
    not(
      'sqlite-knows-no-redis',
      'Two stores, one contract.',
      { path: '/store/sqlite/' },
      { path: '/store/redis/' },
    ),
    not(
      'store-is-opened-in-one-place',
      'Who uses a store knows the contract, not which one it is.',
      {
        path: '^(functions|eventing|manifests)/',
        pathNot: ['/store/(redis|sqlite)/', '^functions/shared/store/open.ts$'],
      },
      { path: '/store/(redis|sqlite)/' },
    ),
    not(
      'serving-knows-no-eventing',
      'The local Serving does not know that events exist: Eventing calls it as it calls any subscriber.',
      { path: '^eventing/local/serving/' },
      { path: '^eventing/local/eventing/' },
    ),
    not(
      'eventing-knows-no-serving',
      'The local Eventing reaches functions by URL only.',
      { path: '^eventing/local/eventing/' },
      { path: '^eventing/local/serving/' },
    ),
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^functions/[^/]+/dist/' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
    },
  },
};
