import { testFaults } from './faults-suite.ts';
import { embedded, rabbitWorld } from './worlds.ts';

testFaults(embedded);
testFaults(await rabbitWorld());
