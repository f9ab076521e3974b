// Values that a JSON Schema allows, as fast-check draws them: of the schemas of the OpenAPI description, and no more of JSON
// Schema than these use.
import fc from 'fast-check';

export interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | Schema;
  readonly items?: Schema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly contentEncoding?: string;
  /** `{}`: nothing is allowed there. */
  readonly not?: object;
}

/** Entries of a list, and optional names of an open object: enough to differ, few enough to be fast. */
const MOST = 3;
const FAR = 1e9;

const text = ({ minLength = 0, maxLength = 40, pattern, contentEncoding }: Schema): fc.Arbitrary<unknown> => {
  if (pattern !== undefined) return fc.stringMatching(new RegExp(pattern));
  if (contentEncoding === 'base64')
    return fc.uint8Array({ maxLength: 16 }).map((bytes) => Buffer.from(bytes).toString('base64'));
  return fc.string({ minLength, maxLength: Math.max(minLength, Math.min(maxLength, 40)), unit: 'binary' });
};

const number = (schema: Schema, whole: boolean): fc.Arbitrary<number> => {
  const min = schema.minimum ?? schema.exclusiveMinimum ?? -FAR;
  const max = schema.maximum ?? schema.exclusiveMaximum ?? FAR;
  if (whole) {
    const [from, to] = [Math.max(Math.ceil(min), -FAR), Math.min(Math.floor(max), FAR)];
    return fc.oneof(fc.integer({ min: from, max: to }), fc.integer({ min: from, max: Math.min(to, from + 3) }));
  }
  return fc.double({
    min,
    max,
    minExcluded: schema.minimum === undefined && schema.exclusiveMinimum !== undefined,
    maxExcluded: schema.maximum === undefined && schema.exclusiveMaximum !== undefined,
    noNaN: true,
  });
};

const object = (schema: Schema, schemas: Schemas): fc.Arbitrary<unknown> => {
  const { properties = {}, required = [], additionalProperties } = schema;
  const known = fc.record(
    Object.fromEntries(
      Object.entries(properties)
        .filter(([, inner]) => inner.not === undefined)
        .map(([name, inner]) => [name, arbitrary(inner, schemas)]),
    ),
    { requiredKeys: [...required] },
  );
  if (additionalProperties === undefined || additionalProperties === false) return known;
  const more = additionalProperties === true ? fc.jsonValue({ maxDepth: 1 }) : arbitrary(additionalProperties, schemas);
  return fc
    .tuple(known, fc.dictionary(fc.string({ maxLength: 8 }), more, { maxKeys: MOST }))
    .map(([one, other]) => ({ ...other, ...one }));
};

export type Schemas = Readonly<Record<string, Schema>>;

const ofType = (type: string, schema: Schema, schemas: Schemas): fc.Arbitrary<unknown> => {
  switch (type) {
    case 'null':
      return fc.constant(null);
    case 'boolean':
      return fc.boolean();
    case 'string':
      return text(schema);
    case 'integer':
      return number(schema, true);
    case 'number':
      return number(schema, false);
    case 'array':
      return fc.array(arbitrary(schema.items ?? {}, schemas), {
        minLength: schema.minItems ?? 0,
        maxLength: Math.max(schema.minItems ?? 0, Math.min(schema.maxItems ?? MOST, MOST)),
      });
    case 'object':
      return object(schema, schemas);
    default:
      throw new Error(`the schema has the type ${type}`);
  }
};

/** Values of the schema; `schemas` are those that $ref names. */
export const arbitrary = (schema: Schema, schemas: Schemas): fc.Arbitrary<unknown> => {
  if (schema.$ref !== undefined) return arbitrary(schemas[schema.$ref.split('/').at(-1) ?? ''] ?? {}, schemas);
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  const alternatives = schema.anyOf ?? schema.oneOf;
  if (alternatives !== undefined) return fc.oneof(...alternatives.map((one) => arbitrary(one, schemas)));
  if (schema.allOf !== undefined) {
    return fc.tuple(...schema.allOf.map((one) => arbitrary(one, schemas))).map((parts) => Object.assign({}, ...parts));
  }
  const types = typeof schema.type === 'string' ? [schema.type] : (schema.type ?? []);
  if (types.length === 0) return fc.jsonValue({ maxDepth: 1 });
  return fc.oneof(...types.map((type) => ofType(type, schema, schemas)));
};

/** Values of which one place holds something else: of another type, out of range, or a name that is not known. */
export const nearMiss = (schema: Schema, schemas: Schemas): fc.Arbitrary<unknown> =>
  fc.tuple(arbitrary(schema, schemas), fc.nat(), fc.jsonValue({ maxDepth: 2 })).map(([value, at, odd]) => {
    if (typeof value !== 'object' || value === null) return odd;
    const names = [...Object.keys(value), 'unknown'];
    return { ...value, [names[at % names.length] ?? 'unknown']: odd };
  });
