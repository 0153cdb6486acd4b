/**
 * Maps of representations in two dimensions, and how far they can be trusted.
 *
 * @module
 */
export { type Neighbours, neighbours } from "./neighbours.ts";
export { pca } from "./pca.ts";
export { trustworthiness } from "./trustworthiness.ts";
export { tsne, type TsneOptions } from "./tsne.ts";
export { umap, type UmapOptions } from "./umap.ts";
