/**
 * Fewer colours: boxes of pixels are split until there are enough.
 *
 * @module
 */

/** An image of few colours. */
export interface Quantised {
  /** Red, green and blue of each colour, 0..255. */
  readonly palette: number[][];
  /** Position in the palette, one a pixel. */
  readonly indices: Uint8Array;
}

/**
 * Chooses colours for an image: the widest box of pixels is split at its mean,
 * again and again, and each box becomes its mean colour.
 *
 * @param rgb RGB bytes, `[pixels, 3]`.
 * @param most Colours to use at most, up to 256.
 * @returns The palette and the pixels.
 */
export function quantise(rgb: Uint8Array, most: number): Quantised {
  const indices = new Uint8Array(rgb.length / 3);
  const boxes = [box(rgb, Array.from(indices, (_, pixel) => pixel))];
  while (boxes.length < most) {
    const widest = boxes.reduce((a, b) => b.spread > a.spread ? b : a);
    if (widest.spread === 0) break;
    const { pixels, channel, mean } = widest;
    const halves = Object.groupBy(
      pixels,
      (pixel) => rgb[3 * pixel + channel] > mean[channel] ? "above" : "below",
    );
    boxes.splice(boxes.indexOf(widest), 1, box(rgb, halves.below!), box(rgb, halves.above!));
  }
  boxes.forEach(({ pixels }, index) => pixels.forEach((pixel) => indices[pixel] = index));
  return { palette: boxes.map(({ mean }) => mean.map(Math.round)), indices };
}

interface Box {
  readonly pixels: readonly number[];
  readonly mean: readonly number[];
  /** The channel that varies most. */
  readonly channel: number;
  /** Sum of squared deviations from the mean in that channel. */
  readonly spread: number;
}

function box(rgb: Uint8Array, pixels: readonly number[]): Box {
  const sum = [0, 0, 0], squares = [0, 0, 0];
  for (const pixel of pixels) {
    for (let channel = 0; channel < 3; channel++) {
      const value = rgb[3 * pixel + channel];
      sum[channel] += value;
      squares[channel] += value * value;
    }
  }
  // Where all values are equal their mean is one of them, every product is exact, and this is 0.
  const spreads = sum.map((sum, channel) => squares[channel] - sum * (sum / pixels.length));
  const spread = Math.max(...spreads);
  return { pixels, mean: sum.map((sum) => sum / pixels.length), channel: spreads.indexOf(spread), spread };
}
