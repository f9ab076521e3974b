// Which of the keys of config.json say how positions rotate: transformers 4 wrote rope_theta and rope_scaling, transformers 5
// writes rope_parameters, by kind of layer where a family has two rotations, and reads both.
import type { Family } from './families.ts';
import type { Config, Wrong } from './keys.ts';
import { type Rotation, ropeSchema, rotation } from './rope.ts';

const LAYER_TYPES = ['full_attention', 'sliding_attention'];

/** The rotation of full layers, and of sliding ones where they have their own. */
export const rotationsOf = (
  c: Config,
  family: Family,
  headSize: number,
  positions: number,
  wrong: Wrong,
): Rotation[] => {
  const { defaults } = family;
  const of = (json: Record<string, unknown>, theta: number): Rotation => {
    const parsed = ropeSchema.safeParse(json);
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      return wrong(`rope_parameters.${issue?.path.join('.')}: ${issue?.message}`);
    }
    const rope = parsed.data;
    const part = rope.partial_rotary_factor ?? c.partial_rotary_factor ?? 1;
    if ((c.partial_rotary_factor ?? part) !== part) {
      wrong(`partial_rotary_factor is ${c.partial_rotary_factor} and, in the rope parameters, ${part}`);
    }
    if (part !== 1 && !family.partialRotation) wrong(`partial_rotary_factor ${part} is not a setting of this family`);
    const kind = rope.rope_type ?? rope.type;
    if (family.partialRotation && kind && !['default', 'longrope'].includes(kind)) {
      wrong(`rope scaling '${kind}' is not supported for this family`);
    }
    return rotation(rope, {
      headSize,
      theta: rope.rope_theta ?? theta,
      part,
      positions,
      original:
        c.original_max_position_embeddings ??
        defaults.originalContext ??
        rope.original_max_position_embeddings ??
        positions,
      wrong,
    });
  };
  // as transformers: rope_scaling, if it holds anything, stands in place of rope_parameters, not beside it
  const scaling = Object.keys(c.rope_scaling ?? {}).length > 0 ? (c.rope_scaling ?? undefined) : undefined;
  const theta = c.rope_theta ?? defaults.theta;
  const nested = c.rope_parameters ?? {};
  const keys = Object.keys(nested);
  const isNested = keys.length > 0 && keys.every((key) => LAYER_TYPES.includes(key));
  if (!family.localRotation) {
    if (scaling === undefined && isNested) wrong('rope_parameters by layer type is not a setting of this family');
    return [of(scaling ?? nested, theta)];
  }
  if (keys.length > 0 && !isNested) wrong('rope_parameters has to name full_attention and sliding_attention');
  const [full, sliding] = LAYER_TYPES.map((key) => (nested[key] ?? {}) as Record<string, unknown>);
  return [of({ ...full, ...scaling }, theta), of(sliding ?? {}, c.rope_local_base_freq ?? 10_000)];
};
