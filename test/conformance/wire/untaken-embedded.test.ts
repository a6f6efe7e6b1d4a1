import { embedded } from './worlds.ts';
import { shippedAlternates, testUntaken } from './untaken-suite.ts';

testUntaken(embedded, 'by an alternate exchange', shippedAlternates);
