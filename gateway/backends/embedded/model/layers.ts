// What differs from layer to layer: the window of keys it sees and whether its positions rotate, by transformers' rules.
import type { Family } from './families.ts';

export interface LayerKind {
  /** Tokens a query sees, itself included; undefined: all before it. */
  readonly window: number | undefined;
  /** Index into the architecture's rotations; undefined: this layer knows no positions. */
  readonly rotation: number | undefined;
}

/** The keys of config.json that decide it. */
export interface LayerSettings {
  readonly count: number;
  readonly layer_types?: readonly string[] | null | undefined;
  readonly sliding_window?: number | null | undefined;
  readonly use_sliding_window?: boolean | null | undefined;
  readonly max_window_layers?: number | null | undefined;
  readonly sliding_window_pattern?: number | null | undefined;
  readonly no_rope_layers?: readonly number[] | null | undefined;
  readonly no_rope_layer_interval?: number | null | undefined;
}

const FULL = 'full_attention';
const SLIDING = 'sliding_attention';
/** Defaults of transformers' configurations, for keys that a config.json leaves out. */
const MAX_WINDOW_LAYERS = 28;
const GEMMA2_PATTERN = 2;
const GEMMA3_PATTERN = 6;
const NO_ROPE_INTERVAL = 4;

const rotates = (family: Family, s: LayerSettings, layer: number): boolean => {
  if (family.windows !== 'smollm3') return true;
  const listed = s.no_rope_layers;
  if (listed) return listed[layer] !== 0;
  return (layer + 1) % (s.no_rope_layer_interval ?? NO_ROPE_INTERVAL) !== 0;
};

/** Whether each layer slides where layer_types does not say. */
const slides = (family: Family, s: LayerSettings, layer: number): boolean => {
  switch (family.windows) {
    case 'none':
      return false;
    case 'all':
      return s.sliding_window !== null && s.sliding_window !== undefined;
    case 'qwen':
      return s.use_sliding_window === true && layer >= (s.max_window_layers ?? MAX_WINDOW_LAYERS);
    case 'smollm3':
      return s.use_sliding_window === true && Boolean(s.sliding_window) && !rotates(family, s, layer);
    case 'gemma': {
      const pattern = family.localRotation ? (s.sliding_window_pattern ?? GEMMA3_PATTERN) : GEMMA2_PATTERN;
      return (layer + 1) % pattern !== 0;
    }
  }
};

/** Each layer's window before the context is known; `sliding` tells which rotation it takes where there are two. */
export const layerKinds = (
  family: Family,
  settings: LayerSettings,
  wrong: (what: string) => never,
): { readonly sliding: boolean; readonly window: number | undefined; readonly rotates: boolean }[] => {
  const s = { ...settings };
  if (s.sliding_window === undefined) s.sliding_window = family.defaults.window;
  if (family.windows === 'none' && s.use_sliding_window) wrong('use_sliding_window is not a setting of this family');
  if (family.windows === 'qwen' && !s.use_sliding_window) s.sliding_window = null;
  if (s.no_rope_layers && s.no_rope_layers.length < s.count) {
    wrong(`no_rope_layers has ${s.no_rope_layers.length} numbers for ${s.count} layers`);
  }
  const types = s.layer_types;
  if (types && types.length !== s.count) wrong(`layer_types has ${types.length} names for ${s.count} layers`);
  return Array.from({ length: s.count }, (_, layer) => {
    const type = types?.[layer];
    if (type !== undefined && type !== FULL && type !== SLIDING) wrong(`layers of type ${type} are not supported`);
    const usual = slides(family, s, layer);
    const sliding = type === undefined ? usual : type === SLIDING;
    // these take layer_types from nobody: transformers would pass over what is written there
    if ((family.windows === 'none' || family.windows === 'all') && sliding !== usual) {
      wrong(`layer_types names ${type} in layer ${layer}, where this family has ${usual ? SLIDING : FULL}`);
    }
    const window = sliding ? (s.sliding_window ?? undefined) : undefined;
    if (sliding && window === undefined) wrong(`layer ${layer} is ${SLIDING}, but there is no sliding_window`);
    return { sliding, window, rotates: rotates(family, s, layer) };
  });
};
