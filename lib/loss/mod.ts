/**
 * Losses of two batches of embeddings.
 *
 * @module
 */
export { loss, type LossConfig, LOSSES, type LossName, type Terms } from "./losses.ts";
export { vicreg, type VicregTerms, type VicregWeights } from "./vicreg.ts";
