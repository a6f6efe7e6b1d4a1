import { functionsConformance } from './functions.ts';
import { startProcessWorld } from './world.ts';

functionsConformance('in process', () => startProcessWorld());
