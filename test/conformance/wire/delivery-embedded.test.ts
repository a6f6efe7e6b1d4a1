import { testDelivery } from './delivery-suite.ts';
import { embedded } from './worlds.ts';

testDelivery(embedded);
