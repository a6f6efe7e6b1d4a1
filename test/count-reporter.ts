import type { Reporter, TestModule } from 'vitest/node';

/** Ends a run with one plain line, `N passed, N failed, N skipped`: continuous integration reads no other. */
export default class CountReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const count = { passed: 0, failed: unhandledErrors.length, skipped: 0 };
    for (const module of modules) {
      let tests = 0;
      for (const test of module.children.allTests()) {
        tests++;
        const { state } = test.result();
        count[state === 'passed' || state === 'failed' ? state : 'skipped']++;
      }
      // A file that throws while it is loaded has no tests, yet it failed.
      if (tests === 0 && module.state() === 'failed') count.failed++;
    }
    const line = `${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`;
    process.once('exit', () => {
      console.log(line);
    });
  }
}
