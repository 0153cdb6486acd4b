/**
 * Losses of two batches of embeddings.
 *
 * @module
 */
export { barlowTwins, type BarlowTwinsOptions, type BarlowTwinsTerms } from "./barlow_twins.ts";
export { byol, type ByolOptions } from "./byol.ts";
export { type Aids, type Both, loss, type LossConfig, LOSSES, type LossName, type Terms } from "./losses.ts";
export { predictive, type PredictiveOptions } from "./predictive.ts";
export { simclr, type SimclrOptions, type SimclrTerms } from "./simclr.ts";
export { simsiam, type SimsiamOptions } from "./simsiam.ts";
export { supervised, type SupervisedOptions } from "./supervised.ts";
export { vicreg, type VicregTerms, type VicregWeights } from "./vicreg.ts";
