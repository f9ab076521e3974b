// Everything the Worker is given from outside, by name: bindings of wrangler.toml, vars and secrets.
import type { KeyRingMethods } from './auth/contract.ts';
import type { CatalogueMethods, CorpusListMethods } from './corpora/contract.ts';
import type { IdempotencyMethods } from './idempotency/contract.ts';
import type { MeterMethods } from './limits/contract.ts';

export interface Env {
  /** All vectors of all corpora, a namespace for each stripe of a corpus; cosine metric. */
  readonly VECTORIZE: Vectorize;
  /** Texts too long for a vector's metadata. */
  readonly TEXTS: R2Bucket;
  /** One per tenant and corpus: what is stored, strongly consistent. */
  readonly CATALOGUE: DurableObjectNamespace<CatalogueMethods & Rpc.DurableObjectBranded>;
  /** One per tenant: the names of its corpora. */
  readonly CORPORA: DurableObjectNamespace<CorpusListMethods & Rpc.DurableObjectBranded>;
  /** The pages of build/site; absent where there are none. */
  readonly ASSETS?: Fetcher;
  /** Keys that were made through the API, as all locations see them; absent: those of API_KEY alone. */
  readonly KEYS?: KVNamespace;
  /** One per tenant: its keys, strongly consistent. */
  readonly KEY_RING?: DurableObjectNamespace<KeyRingMethods & Rpc.DurableObjectBranded>;
  /** One per tenant: rates and budgets. */
  readonly METER?: DurableObjectNamespace<MeterMethods & Rpc.DurableObjectBranded>;
  /** One per Idempotency-Key of a caller. */
  readonly IDEMPOTENCY?: DurableObjectNamespace<IdempotencyMethods & Rpc.DurableObjectBranded>;
  /** Gradient steps of one tenant in a minute; empty or 0: no limit. */
  readonly STEPS_PER_MINUTE?: string;
  /** Which requests are told on the console: off, error, warn, info (all, the default), debug (probes too). */
  readonly LOG_LEVEL?: string;
  /** A data point for each request; absent: none. */
  readonly METRICS?: AnalyticsEngineDataset;
  /** Selections that can be fetched again; absent: none are kept. */
  readonly SELECTIONS?: KVNamespace;
  /** Which deployment this is: another one may select otherwise. Absent locally. */
  readonly CODE_VERSION?: WorkerVersionMetadata;
  /** Requests per tenant; absent locally. */
  readonly RATE_LIMIT?: RateLimit;
  /** Workers AI, when EMBEDDER is workers-ai. Locally any RPC service with `run(model, {text})`. */
  readonly AI?: Ai;
  /** Which embedder: onnx (default), workers-ai, or none (callers send vectors). */
  readonly EMBEDDER?: 'onnx' | 'workers-ai' | 'none';
  /** The model that Workers AI runs, and the dimensions it answers with. */
  readonly AI_MODEL?: string;
  /** Dimensions of the index, when the embedder does not say (workers-ai, none). */
  readonly DIMENSIONS?: string;
  /** Properties with a metadata index, `{"NAME":"string|number|boolean"}`, beside `source`; absent: `{"lang":"string"}`. */
  readonly FILTERABLE?: string;
  /** Where the gateway listens, without a trailing slash; the short form of GATEWAYS for one. */
  readonly GATEWAY_URL?: string;
  /** Several gateways with their regions and weights, as JSON (docs/global.md); GATEWAY_URL is then passed over. */
  readonly GATEWAYS?: unknown;
  /** Corpus of a completion with `NAME:sift` that names none. */
  readonly DEFAULT_CORPUS?: string;
  /** Seconds a selection can be fetched again: 0 (never), or 60 and more; a day if absent. */
  readonly SELECTION_TTL_S?: string;
  /** Seconds after which the index shows a write; 300 if absent. */
  readonly INDEX_SETTLE_S?: string;
  /** Secret: bootstrap keys, comma-separated; `TENANT=KEY` gives a key its own tenant, any other is an operator's. */
  readonly API_KEY?: string;
  /** Secret shared with the gateway; both sign with it. */
  readonly GATEWAY_SECRET?: string;
  /** Secret: the id of a service token of Cloudflare Access, where that guards the gateway's hostname. */
  readonly GATEWAY_ACCESS_ID?: string;
  /** Secret: the service token's own secret. */
  readonly GATEWAY_ACCESS_SECRET?: string;
  /** Workers VPC: carries what goes to GATEWAY_URL through a tunnel, with no public hostname. */
  readonly GATEWAY_VPC?: Fetcher;
}
