import { defineConfig, globalIgnores } from 'eslint/config';
import regexp from 'eslint-plugin-regexp';
import tseslint from 'typescript-eslint';

export default defineConfig(
  globalIgnores(['**/dist/', '**/node_modules/', '.kickoff/', '.cache/', 'model/', '**/.venv/']),
  {
    files: ['**/*.{ts,tsx,js,mjs,cjs}'],
    plugins: { regexp },
    rules: {
      // Time that grows faster than the text: one header of 8 KB would hold up everybody for minutes.
      'regexp/no-super-linear-backtracking': ['error', { report: 'potential' }],
      'regexp/no-super-linear-move': ['error', { report: 'potential' }],
    },
  },
  { files: ['**/*.ts', '**/*.tsx'], extends: [tseslint.configs.strictTypeChecked] },
  {
    files: ['**/*.ts', '**/*.tsx'],
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            {
              regex: '^(@[^/]+/)?[^@./][^/]*/(lib|dist|src|build)/',
              message: 'A package is used by what it exports: its other files change without notice.',
            },
          ],
        },
      ],
      // Seams are async by contract, also where one side of them has nothing to await (a store in SQLite).
      '@typescript-eslint/require-await': 'off',
    },
  },
);
