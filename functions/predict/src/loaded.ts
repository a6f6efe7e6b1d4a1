import type { FollowedModel } from '../../shared/model/follow.ts';
import type { Predictor } from './predict.ts';

/** The card of the model that is shown to people: what it was trained on and how good it was. */
export type Loaded = Predictor & { card: unknown };
export type Following = Pick<FollowedModel<Loaded>, 'use' | 'current' | 'retry'>;
