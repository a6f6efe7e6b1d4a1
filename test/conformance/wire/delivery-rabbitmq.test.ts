import { testDelivery } from './delivery-suite.ts';
import { rabbitWorld } from './worlds.ts';

testDelivery(await rabbitWorld());
