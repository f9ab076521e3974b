// The gateways that a deployment is to ask: from --gateway, else from the run before, else from wrangler.toml. One is an
// address, several are NAME=URL@REGION each, held to what the edge itself will hold them to (wire/gateways.ts). Pure.
import type { Unstable_RawConfig as RawConfig } from 'wrangler';
import type { Filterable } from '../../wire/api/corpora.ts';
import { GATEWAY_ADDRESS, type GatewaySpec, isGatewayAddress, parseGateways } from '../../wire/gateways.ts';
import { REGIONS } from '../../wire/regions.ts';
import { UsageError } from '../../wire/usage.ts';

export interface Gateways {
  /** Empty: none, or several. */
  readonly url: string;
  readonly several: readonly GatewaySpec[];
}

type VpcServices = NonNullable<RawConfig['vpc_services']>;
type Vars = Readonly<Record<string, unknown>> | undefined;

const NONE: Gateways = { url: '', several: [] };
/** What stands in wrangler.toml for a gateway that is still to be named. */
const PLACEHOLDER = 'https://gateway.example.com';
/** Where a private network leads is its service's affair: of the address only the path counts. */
const WITHIN_VPC = 'http://gateway';
const VPC = 'GATEWAY_VPC';
const FORM = 'NAME=URL@REGION, with a share of the load NAME=URL@REGION,WEIGHT';

/** Without a password that stands in it by mistake. */
const shown = (given: string): string => given.replace(/\/\/[^/@]*@(?=.*[.:])/, '//…@');

const severalOf = (value: unknown, from: string): Gateways => {
  const parsed = parseGateways(value);
  if (parsed.ok) return { url: '', several: parsed.value };
  const why = 'what' in parsed.fault ? parsed.fault.what.replace(/^GATEWAYS \((.*)\)$/s, '$1') : parsed.fault.kind;
  throw new UsageError(`${from}: ${why}`);
};

const entryOf = (given: string): object => {
  const match = /^([^=]*)=(.+)@([^@,]*)(?:,([^,@]*))?$/.exec(given);
  if (match === null || /^https?:/.test(given)) {
    throw new UsageError(`--gateway '${shown(given)}' must be ${FORM}; regions: ${REGIONS.join(', ')}`);
  }
  const [, name, url, region, weight] = match;
  return { name, url, region, ...(weight === undefined ? {} : { weight: Number(weight) }) };
};

const givenGateways = (given: readonly string[]): Gateways => {
  const [first = '', ...others] = given;
  if (others.length === 0 && first === '') return NONE;
  if (others.length === 0 && !/^[^:/]*=/.test(first)) {
    if (!isGatewayAddress(first)) {
      throw new UsageError(`--gateway is '${shown(first)}', it ${GATEWAY_ADDRESS}; of several each must be ${FORM}`);
    }
    return { url: first.replace(/\/+$/, ''), several: [] };
  }
  if (given.every((one) => /^https?:/.test(one))) {
    throw new UsageError(`--gateway is given ${given.length} times, so each must be ${FORM}`);
  }
  return severalOf(given.map(entryOf), '--gateway');
};

/** As variables have it, those of an earlier deployment or of wrangler.toml; undefined: nothing is said. */
const ofVars = (vars: Vars, from: string): Gateways | undefined => {
  const { GATEWAYS, GATEWAY_URL } = vars ?? {};
  if (GATEWAYS !== undefined && GATEWAYS !== '') return severalOf(GATEWAYS, `GATEWAYS of ${from} (or give --gateway)`);
  return typeof GATEWAY_URL === 'string' && GATEWAY_URL !== '' && GATEWAY_URL !== PLACEHOLDER
    ? { url: GATEWAY_URL, several: [] }
    : undefined;
};

const TOML = 'wrangler.toml';

export const gatewaysOf = (
  given: readonly string[] | undefined,
  before: Vars,
  toml: Vars,
  vpc: string | undefined,
): Gateways => {
  const said = given !== undefined && given.length > 0;
  const gateways = said ? givenGateways(given) : (ofVars(before, 'the run before') ?? ofVars(toml, TOML) ?? NONE);
  if (vpc === undefined) return gateways;
  if (gateways.several.length > 0) {
    throw new UsageError(
      `--gateway-vpc leads to one host, and there are ${gateways.several.length} gateways: give one, or --gateway-vpc ''`,
    );
  }
  return gateways.url === '' ? { url: WITHIN_VPC, several: [] } : gateways;
};

/** The service of a private network; `''` takes it away. */
export const vpcOf = (given: string | undefined, before: RawConfig | undefined): string | undefined => {
  const service = given ?? before?.vpc_services?.find(({ binding }) => binding === VPC)?.service_id;
  return service === '' ? undefined : service;
};

/** What the Worker's variables say of them. */
export const gatewayVars = ({ url, several }: Gateways): Readonly<Record<string, string>> => ({
  GATEWAY_URL: url,
  ...(several.length === 0 ? {} : { GATEWAYS: JSON.stringify(several) }),
});

export const vpcBindings = (vpc: string, others: VpcServices = []): VpcServices => [
  ...others.filter(({ binding }) => binding !== VPC),
  { binding: VPC, service_id: vpc },
];

export const titleOf = ({ url, several }: Gateways, vpc: string | undefined): string => {
  if (several.length > 0) return `gateways ${several.map(({ name }) => name).join(', ')}`;
  return url === '' ? 'no gateway' : `gateway ${vpc === undefined ? url : `of VPC service ${vpc}`}`;
};

/** Who has changed wrangler.toml expects it to count: what of it does not is said, with the flag that changes it. */
export const passedOver = (
  toml: Vars,
  { gateway = [], filterable = {} }: { readonly gateway?: readonly string[]; readonly filterable?: Filterable },
  gateways: Gateways,
  properties: string,
): string[] => {
  const names = toml?.GATEWAYS === undefined ? 'GATEWAY_URL' : 'GATEWAYS';
  const own = gateway.length > 0 ? undefined : ofVars(toml, TOML);
  const other = own !== undefined && JSON.stringify(own) !== JSON.stringify(gateways);
  const filters =
    Object.keys(filterable).length === 0 && toml?.FILTERABLE !== undefined && toml.FILTERABLE !== properties;
  return [
    ...(other ? [`${names} of ${TOML} is passed over for what the run before had: --gateway changes it`] : []),
    ...(filters ? [`FILTERABLE of ${TOML} is passed over for what the run before had: --filterable changes it`] : []),
  ];
};
