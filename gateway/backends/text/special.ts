// The tokens at which texts begin and end, out of config.json and generation_config.json: an instruct checkpoint often
// names its end tokens in the second alone.

export interface Named {
  readonly bos: number | null | undefined;
  readonly eos: number | readonly number[] | null | undefined;
}

export interface SpecialTokens {
  /** Stands before the first token of a text: bos if the model has one, else its first end token. */
  readonly start: number | undefined;
  /** End a generation. */
  readonly ends: readonly number[];
}

const listOf = (ids: Named['eos']): readonly number[] => (typeof ids === 'number' ? [ids] : (ids ?? []));

export const specialTokens = (config: Named, generation: Named): SpecialTokens => {
  const ends = [...new Set([...listOf(config.eos), ...listOf(generation.eos)])];
  return { start: config.bos ?? generation.bos ?? ends[0], ends };
};
