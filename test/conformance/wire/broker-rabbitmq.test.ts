import { testBroker } from './broker-suite.ts';
import { rabbitWorld } from './worlds.ts';

testBroker(await rabbitWorld());
