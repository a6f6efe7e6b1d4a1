import { testBroker } from './broker-suite.ts';
import { embedded } from './worlds.ts';

testBroker(embedded);
