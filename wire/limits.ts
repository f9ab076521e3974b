// Every limit of the system: its unit, its reason, the date it was decided or last checked.
// Nothing else in the code holds a bare limit. Grouped by the room that enforces it.

// ── The request border (edge) ────────────────────────────────────────────────────────────────────────────────────
/** Bytes of a JSON body. 1,000 candidates of 1,536 float32 as base64 are 8.2 MB; number arrays are twice that. 2026-11-24 */
export const MAX_BODY_BYTES = 16 * 1024 * 1024;
/** Bytes of one NDJSON line of an upload: a whole text of MAX_TEXT_BYTES with escapes, and a vector. 2026-11-24 */
export const MAX_LINE_BYTES = 2 * 1024 * 1024;
/** Bytes of a whole NDJSON upload; Cloudflare's own ceiling for a body is 100 MB. 2026-11-24 */
export const MAX_UPLOAD_BYTES = 100_000_000;
/** Bytes of one example's text: longer texts are truncated by every model served here. 2026-11-24 */
export const MAX_TEXT_BYTES = 256 * 1024;
/** Bytes of a prompt. Models here read a few thousand tokens at most. 2026-11-24 */
export const MAX_PROMPT_BYTES = 256 * 1024;
/** Candidates a caller may send with one selection: 1,000 × 1,536 float32 = 6 MB of kernel memory. 2026-11-24 */
export const MAX_CANDIDATES = 1_000;
/** Prompt embeddings of one selection (the objective sums over them). 2026-11-24 */
export const MAX_QUERIES = 16;

/** Levels of nesting of a JSON body; candidates and filters need four. Schemas and JSON.stringify recurse. 2026-11-26 */
export const MAX_JSON_DEPTH = 16;
/** Entries of one list in a JSON body; the longest are vectors. A schema may make one issue of each. 2026-11-26 */
export const MAX_JSON_LIST = 16_384;
/** Keys of one object in a JSON body. 2026-11-26 */
export const MAX_JSON_KEYS = 1_024;
/** Strings (keys included), lists and objects of a JSON body: MAX_CANDIDATES need 8,000. 2026-11-26 */
export const MAX_JSON_PARTS = 65_536;
/** Characters of a caller's value, or of a name, that an error repeats. 2026-11-26 */
export const MAX_SHOWN_CHARACTERS = 60;
/** Unknown keys that an error names. 2026-11-26 */
export const MAX_SHOWN_KEYS = 3;
/** Characters of an error's message and of its `param`, also when the gateway wrote them. 2026-11-26 */
export const MAX_MESSAGE_CHARACTERS = 1_000;
export const MAX_PARAM_CHARACTERS = 200;
/** Bytes of a template for examples in the context: instructions of some pages. It is written once an example. 2026-11-26 */
export const MAX_TEMPLATE_BYTES = 16 * 1024;
/** Bytes between two examples in the context. 2026-11-26 */
export const MAX_SEPARATOR_BYTES = 1_024;
/** Characters of a model's name. 2026-11-26 */
export const MAX_MODEL_NAME = 256;
/** Prompts of one completion request, each with a selection and a tuning of its own; LangChain sends 20 at once. 2026-11-26 */
export const MAX_PROMPTS = 20;
/** Alternatives told beside a token of /v1/completions, as OpenAI's limit. 2026-11-26 */
export const MAX_COMPLETION_LOGPROBS = 5;
/** Texts of one embeddings request, as OpenAI's limit. 2026-11-26 */
export const MAX_EMBEDDINGS = 2_048;
/** Bytes of all of them: OpenAI's 300,000 tokens are some 1.2 MB. 2026-11-26 */
export const MAX_EMBEDDINGS_BYTES = 2 * 1024 * 1024;
/** Embeddings written into an answer before other requests get a turn: 64 × 1,536 numbers take some 20 ms. 2026-11-26 */
export const EMBEDDINGS_AT_ONCE = 64;
/** Results that are errors in one upload; after so many the rest is refused by one last result. 2026-11-26 */
export const MAX_UPLOAD_ERRORS = 10_000;
/** Characters of a caller's x-request-id that is kept: a UUID has 36, a trace's id with a suffix less than a hundred. 2026-11-26 */
export const MAX_REQUEST_ID_CHARACTERS = 128;
/** Members and characters of a tracestate that goes on: those that the specification asks for at least. 2026-11-26 */
export const MAX_TRACESTATE_MEMBERS = 32;
export const MAX_TRACESTATE_CHARACTERS = 512;
/** Milliseconds that an answer of GET /ready holds: whoever asks more often is told the last one. 2026-11-26 */
export const READY_MEMORY_MS = 5_000;
/** Milliseconds that GET /ready waits for the gateway. 2026-11-26 */
export const READY_GATEWAY_MS = 2_000;

// ── Selection ────────────────────────────────────────────────────────────────────────────────────────────────────
/** Picks of one selection; the paper goes to 50, the kernel was tested to 200. 2026-11-24 */
export const MAX_PICKS = 200;
/** Picks that sift-edge/kernel may be asked for: what it needs grows with their square, 80 GB at this one. 2026-11-27 */
export const MAX_LIBRARY_PICKS = 100_000;
/** Default picks. 2026-11-24 */
export const DEFAULT_PICKS = 10;
/** Learning rate of full fine-tuning for models of a few million parameters, chosen on the bundled one (docs/study/results.md). 2026-11-25 */
export const DEFAULT_LEARNING_RATE = 5e-4;
/** Below it a step changes no float32 weight that matters; float32 itself ends at 1.4e-45. 2026-11-26 */
export const MIN_LEARNING_RATE = 1e-12;
/**
 * Adam's ε. Its second moment is a squared gradient in float32, zero for gradients under about 1e-19; what is divided by
 * then is ε alone, and a step stays bounded by the learning rate only while ε is larger than they are. 2026-11-26
 */
export const MIN_EPSILON = 1e-18;
/** Adam's β1 and β2: above it 1 − β is wrong by more than 1 % in float32, and zero from 0.99999998 on. 2026-11-26 */
export const MAX_BETA = 0.999997;
/** LoRA's rate and rank for such models: the best of the study's grid. 2026-11-25 */
export const SMALL_MODEL_LORA_RATE = 5e-3;
export const SMALL_MODEL_RANK = 8;
/** Parameters above which LoRA is the default: full fine-tuning then takes gigabytes for each prompt. 2026-11-26 */
export const LARGE_MODEL_PARAMETERS = 50_000_000;
/** Rates and rank above that, measured on SmolLM2-135M (docs/models.md): at 5e-4 full fine-tuning does harm there. 2026-11-26 */
export const LARGE_MODEL_FULL_RATE = 5e-5;
export const LARGE_MODEL_LORA_RATE = 3e-4;
export const LARGE_MODEL_RANK = 32;
/** Default observation noise λ, chosen with the degree on prompts of their own (docs/study/results.md); the paper's is 0.01. 2026-11-25 */
export const DEFAULT_LAMBDA = 0.3;
/**
 * Default degree p of the kernel k(x,y) = (φ(x)·φ(y))^p; the paper's is 1. At 1 whatever is a little alike counts as
 * redundant, at 6 near copies alone (docs/study/results.md). 2026-11-25
 */
export const DEFAULT_DEGREE = 6;
/**
 * `min_similarity: "auto"`: of the thresholds that cost nothing of the gain, the one that saves most steps (docs/study/results.md, 20
 * steps). Of the cosine that the kernel sees. 2026-11-25
 */
export const AUTO_MIN_SIMILARITY = 0.32;
/** At this degree a cosine of 0.35 is already below float32's rounding of one near 1. 2026-11-25 */
export const MAX_DEGREE = 16;
/** Below this λ float32 rows no longer carry σ² (kernel measurements). 2026-11-24 */
export const MIN_LAMBDA = 1e-6;
/** With a larger λ no pick lowers σ² measurably. 2026-11-24 */
export const MAX_LAMBDA = 1e3;
/** λ as the kernel takes it: a caller's λ times the largest squared norm, which candidates may bring to 1e12. 2026-11-24 */
export const MAX_NOISE = 1e15;
/** Query rounds of a pool; each is one more round trip to Vectorize. 2026-11-24 */
export const MAX_ROUNDS = 8;
/**
 * Default picks that each further round's residual takes in: few at first keep it near the prompt, and the pool then
 * holds what a greedy over the whole corpus would take (docs/study/results.md). 2026-11-25
 */
export const DEFAULT_RESIDUAL_PICKS = 4;
/** Default rounds: three rounds of 50 beat one pool of 200 (docs/design/architecture.md). 2026-11-24 */
export const DEFAULT_ROUNDS = 3;
/**
 * λ of the residual that further rounds ask with, at most: a larger one leaves the prompt nearly as it was, so that the
 * same copies come again (docs/study/results.md). 2026-11-25
 */
export const MAX_POOL_LAMBDA = 1;
/** Stripes of a corpus asked in parallel: a Worker holds 6 connections at once. 2026-11-24 */
export const MAX_STRIPES = 6;
/**
 * Picks of the greedy choice that shows what a pool can explain: all of a pool up to so many candidates. 150 of 150 × 384
 * take 1.7 ms on two busy cores, 256 of 256 × 384 take 6 ms. 2026-11-26
 */
export const MAX_EXPLAINED_PICKS = 256;
/** The same as picks × candidates × dimensions: 1,000 × 1,536 candidates of a caller's would take 150 ms. 2026-11-26 */
export const MAX_EXPLAINED_PRODUCTS = 64_000_000;
/** Prompts of one request that selects for each: at six at a time some six round trips to the index. 2026-11-26 */
export const MAX_SELECT_INPUTS = 32;
/** Corpora of one selection: each is one query more a round, and a Worker holds six connections. 2026-11-26 */
export const MAX_SELECT_CORPORA = 6;
/** Bytes of texts that `max_bytes` may name: more than 200 picks hold. 2026-11-26 */
export const MAX_SELECT_TEXT_BYTES = 64 * 1024 * 1024;
/** Bytes of a request that is told from others by its parsed form; a larger one by its bytes, which takes less. 2026-11-26 */
export const MAX_CANONICAL_BYTES = 64 * 1024;
/** Bytes of a selection that is kept to be fetched again; Workers KV takes 25 MiB. 2026-11-26 */
export const MAX_KEPT_SELECTION_BYTES = 4 * 1024 * 1024;
/** Seconds a selection is kept, unless the deployment says otherwise; Workers KV keeps nothing for less than 60. 2026-11-26 */
export const DEFAULT_SELECTION_TTL_S = 86_400;
export const MIN_SELECTION_TTL_S = 60;
export const MAX_SELECTION_TTL_S = 30 * 86_400;
/** Seconds that whoever fetched a selection may serve it without asking whether it still stands. 2026-11-26 */
export const SELECTION_FRESH_S = 60;
/** Seconds after which the index shows a write, unless the deployment says otherwise: Vectorize says some minutes. 2026-11-26 */
export const DEFAULT_INDEX_SETTLE_S = 300;
/** Neighbours of one search in the row store; Vectorize's topK is 100 at most, the study asks for 1,000. 2026-11-26 */
export const MAX_NEIGHBOURS = 1_024;

// ── Vectorize (checked 2026-11-24 against its public limits page) ────────────────────────────────────────────────
/** Dimensions of an index. */
export const VECTORIZE_MAX_DIMENSIONS = 1536;
/** topK when values or full metadata are asked for; error 40025 above. */
export const VECTORIZE_TOP_K_FULL = 50;
/** topK when only ids and scores are asked for. */
export const VECTORIZE_TOP_K_IDS = 100;
/** Vectors of one upsert or insert from a Worker. */
export const VECTORIZE_MAX_UPSERT = 1_000;
/** Ids of one getByIds; error 40007 above. */
export const VECTORIZE_MAX_GET_IDS = 20;
/** Ids of one deleteByIds. */
export const VECTORIZE_MAX_DELETE_IDS = 100;
/** Bytes of a vector's metadata as JSON. */
export const VECTORIZE_MAX_METADATA_BYTES = 10 * 1024;
/** Bytes of a filter as JSON (exclusive). */
export const VECTORIZE_MAX_FILTER_BYTES = 2_048;
/** UTF-8 bytes of an id and of a namespace, each. */
export const VECTORIZE_MAX_ID_BYTES = 64;

// ── The gateway ──────────────────────────────────────────────────────────────────────────────────────────────────
/** Gradient steps of one request: picks, repeats counted. 2026-11-24 */
export const MAX_STEPS = 200;
/** Tokens one request may generate. 2026-11-24 */
export const MAX_NEW_TOKENS = 2_048;
/** Samples of one request: they share its tuning, and each takes a generation. 2026-11-26 */
export const MAX_SAMPLES = 8;
/** Alternatives told beside a generated token, as OpenAI's limit. 2026-11-26 */
export const MAX_LOGPROBS = 20;
/**
 * Log-probabilities of one request: samples × tokens × (alternatives + 1). Each is some 90 bytes of JSON, so that these are
 * 9 MB of a stream of MAX_GATEWAY_STREAM_BYTES. One sample of MAX_NEW_TOKENS with MAX_LOGPROBS has 43,008. 2026-11-26
 */
export const MAX_TOLD = 100_000;
/** Messages of one conversation; their sizes count together, up to MAX_PROMPT_BYTES. 2026-11-26 */
export const MAX_MESSAGES = 1_000;
/** Bytes of a gateway request: MAX_STEPS texts, most of them short. 2026-11-24 */
export const MAX_TUNE_BODY_BYTES = 16 * 1024 * 1024;
/** Rank of a LoRA: more than the paper's 64, and above it full fine-tuning is cheaper on the models here. 2026-11-26 */
export const MAX_RANK = 256;
/** Requests waiting for a backend; above it the gateway answers 503 with Retry-After. 2026-11-24 */
export const MAX_QUEUE = 32;
/** Of these, of one tenant: half, so that others find places before anybody has to give one up. 2026-11-26 */
export const MAX_QUEUE_PER_TENANT = 16;
/** Characters of a tenant's name, as the edge sends it. 2026-11-26 */
export const MAX_TENANT_CHARACTERS = 64;
/** Seconds of a full queue's Retry-After, at most: an expected wait is a guess. 2026-11-26 */
export const MAX_EXPECTED_WAIT_S = 60;
/** Seconds after which a caller may try again when the machine's memory is taken: about a session. 2026-11-26 */
export const MEMORY_RETRY_S = 15;
/** Seconds after which a caller may try again when the gateway shuts down: about a restart. 2026-11-24 */
export const SHUTDOWN_RETRY_S = 5;
/**
 * Milliseconds a backend may take to end its iterator, and then to close its session, before the gateway goes on without
 * it: together below the second in which a caller's leaving ends the work. 2026-11-26
 */
export const BACKEND_RETURN_MS = 150;
export const BACKEND_CLOSE_MS = 800;
/** Milliseconds a tuning request may take in all, queueing included, unless the gateway is told otherwise. 2026-11-24 */
export const TUNE_DEADLINE_MS = 120_000;
/** The most it can be told: Node's fetch and many proxies give up on an answer that has not begun after 300 s. 2026-11-26 */
export const MAX_DEADLINE_MS = 290_000;
/** Pieces of work (steps, texts read, generations) that a model's speed is estimated from: the latest ones. 2026-11-26 */
export const PACE_WINDOW = 64;
/** Of these, new ones after which times are looked at anew: all pairs of them are compared, some 0.2 ms. 2026-11-26 */
export const PACE_REFIT = 32;
/** Fewer say too little to refuse a request, or to end one early. The first of each worker compiles its graphs. 2026-11-26 */
export const PACE_LEAST = 20;
/** A request is refused when its fastest estimate is so many times the deadline. 2026-11-26 */
export const PACE_MARGIN = 1.15;
/** Share of the deadline that the number of picks in the refusal fills. 2026-11-26 */
export const PACE_ADVICE = 0.9;
/**
 * Work that has begun may take so many times its slowest estimate, and so many milliseconds in any case: what takes longer
 * hangs, and holds a worker. All within the deadline. 2026-11-26
 */
export const PACE_PATIENCE = 8;
export const PACE_LEAST_MS = 60_000;
/** Seconds a signed request stays valid, either side of the gateway's clock. 2026-11-24 */
export const SIGNATURE_WINDOW_S = 60;
/**
 * Nonces remembered at once: about 80 bytes each, 40 MB in all. At the window above this is 8,300 requests a second,
 * more than one Node process can verify. 2026-11-26
 */
export const MAX_NONCES = 500_000;
/** Milliseconds between SSE comments that keep an idle stream open through proxies. 2026-11-24 */
export const SSE_HEARTBEAT_MS = 10_000;
/** Milliseconds one event of a stream may wait for a reader that has stopped reading; the work then ends. 2026-11-26 */
export const SSE_STALL_MS = 20_000;
/** Characters of a stream that may be on their way before the work waits for its reader: some dozens of events. 2026-11-26 */
export const STREAM_PENDING_CHARACTERS = 8_192;
/** Milliseconds a sender has for its headers. An edge sends them in one packet. 2026-11-26 */
export const GATEWAY_HEADERS_MS = 10_000;
/** Milliseconds a sender has for headers and body: 16 MiB at 3 Mbit/s. 2026-11-26 */
export const GATEWAY_REQUEST_MS = 45_000;
/** Milliseconds between two looks at whose time is over. 2026-11-26 */
export const GATEWAY_CHECK_MS = 1_000;
/** Milliseconds an idle connection is kept, longer than an edge keeps it, so that the edge closes first. 2026-11-26 */
export const GATEWAY_KEEP_ALIVE_MS = 75_000;
/** Milliseconds beyond the deadline of its work that a connection may be without any byte in either direction. 2026-11-26 */
export const GATEWAY_SILENT_MS = 30_000;
/**
 * Milliseconds of silence before TCP itself asks whether the peer is there; libuv asks ten times, a second apart, so a
 * machine that vanished is noticed after 20 s. 2026-11-26
 */
export const GATEWAY_TCP_PROBE_MS = 10_000;
/** Milliseconds a graceful shutdown waits for requests in flight. 2026-11-24 */
export const SHUTDOWN_GRACE_MS = 10_000;
/** Seconds that `--drain` may make of it: the longest deadline and some for the queue. 2026-11-27 */
export const MAX_DRAIN_S = 300;
/** Characters of the secret that edge and gateway share: 16 of `openssl rand -hex` are 64 bits. 2026-11-27 */
export const MIN_SECRET_CHARACTERS = 16;
/** Bytes of a file that holds a secret; keys and tokens have some hundred. 2026-11-27 */
export const MAX_SECRET_FILE_BYTES = 16 * 1024;
/** Milliseconds aborted streams get to say why they end, before their connections are closed. 2026-11-24 */
export const SHUTDOWN_LAST_WORDS_MS = 500;
/** Milliseconds a backend may take to close when the gateway ends. 2026-11-26 */
export const SHUTDOWN_BACKEND_MS = 5_000;
/** Tenants that the metrics tell apart, the first that came; with 5 stages each some 500 series. 2026-11-26 */
export const MAX_METRIC_TENANTS = 50;

// ── Backends on other machines (gateway/backends/tinker; docs/backends.md) ────────────────────────────────────────
/** Bytes of the file that names them: some dozens of servers. 2026-11-26 */
export const MAX_BACKENDS_FILE_BYTES = 256 * 1024;
/** Servers of one backend, and models that it serves. 2026-11-26 */
export const MAX_BACKEND_SERVERS = 64;
export const MAX_BACKEND_MODELS = 64;
/** Sessions of one backend at once: each may hold some connections. 2026-11-26 */
export const MAX_BACKEND_CONCURRENCY = 1_024;
/** Sessions at once where neither the configuration nor the servers say more. 2026-11-26 */
export const DEFAULT_BACKEND_CONCURRENCY = 8;
/** Tokens of an example where the server names no limit: what the embedded engine takes. 2026-11-26 */
export const DEFAULT_TRAIN_TOKENS = 1_024;
/** Rank of LoRA where the server names no limit: the hosted service's common one. 2026-11-26 */
export const DEFAULT_REMOTE_RANK = 32;
/** Milliseconds for a connection, TLS included, within a region and across an ocean. 2026-11-26 */
export const BACKEND_CONNECT_MS = 3_000;
/** Milliseconds until the answer to a submission has begun: the work itself is waited for apart. 2026-11-26 */
export const BACKEND_FIRST_BYTE_MS = 15_000;
/** Milliseconds of one long poll, as in the SDK: a server answers 408 before. 2026-11-26 */
export const BACKEND_POLL_MS = 45_000;
/** Milliseconds between two bytes of an answer, and between two tokens of a stream. 2026-11-26 */
export const BACKEND_IDLE_MS = 20_000;
/** Milliseconds between heartbeats, as in the SDK: servers end a session after 60 s without. 2026-11-26 */
export const BACKEND_HEARTBEAT_MS = 10_000;
/** Milliseconds between looks at a server's health, and those that a look may take. 2026-11-26 */
export const BACKEND_HEALTH_MS = 5_000;
export const BACKEND_HEALTH_WAIT_MS = 2_000;
/** Milliseconds of each call that frees something; closing a session waits for them no longer than BACKEND_CLOSE_MS. 2026-11-26 */
export const BACKEND_FREE_MS = 5_000;
/** Milliseconds for which a closing session is waited for: less than the gateway's own patience. 2026-11-26 */
export const BACKEND_FREE_WAIT_MS = 600;
/** Requests of one session in flight at once, and results that are asked for ahead of the one that is next. 2026-11-26 */
export const BACKEND_SUBMIT_AT_ONCE = 8;
export const BACKEND_POLL_AHEAD = 8;
/** Promises that are cancelled one by one when work ends early: closing a model frees the rest. 2026-11-26 */
export const BACKEND_CANCEL_MOST = 64;
/** Milliseconds before a promise is asked for again, where the server answered at once that it is not ready. 2026-11-26 */
export const BACKEND_AGAIN_MIN_MS = 10;
export const BACKEND_AGAIN_MAX_MS = 1_000;
/** Failures of one promise's polls in a row that are tried again, within the retry budget. 2026-11-26 */
export const BACKEND_POLL_FAILURES = 3;
/** Bytes of one answer: log-probabilities of 4,096 tokens are 32 kB, as JSON 200. 2026-11-26 */
export const MAX_BACKEND_ANSWER_BYTES = 4 * 1024 * 1024;
/** Bytes of one line of a stream: the tokens of one step. 2026-11-26 */
export const MAX_BACKEND_LINE_BYTES = 64 * 1024;
/** Bytes of a model's file, such as a tokenizer of 256,000 tokens. 2026-11-26 */
export const MAX_BACKEND_FILE_BYTES = 64 * 1024 * 1024;
/** Characters of a server's own words that an error repeats. 2026-11-26 */
export const MAX_BACKEND_WORDS = 300;
/** Failures in a row after which a server gets no new session; milliseconds until one is tried, doubled up to the most. 2026-11-26 */
export const BREAKER_FAILURES = 3;
export const BREAKER_MIN_MS = 2_000;
export const BREAKER_MAX_MS = 60_000;

// ── The guard of tuning (gateway/prequential.ts; docs/design/guard.md) ──────────────────────────────────────────────────
// Differences are in nats per token: the loss of a pick that is new to the model, under the weights so far, less its loss
// under the base weights. Below zero the steps so far help texts like the prompt.
/** Pieces of text whose ids a tokenizer remembers, about 2 MB; all are dropped when there are more. 2026-11-26 */
export const MAX_REMEMBERED_PIECES = 16_384;
/** UTF-16 units of a piece that is remembered: longer ones hardly come again. 2026-11-26 */
export const MAX_REMEMBERED_PIECE = 32;
/** Tokens of a model's window from which picks go into the context as well as being tuned on (docs/study/context.md). 2026-11-26 */
export const BOTH_FROM_TOKENS = 4_096;
/**
 * The most that one pick counts as gained. A pick that is nearly an earlier one again (overlapping chunks) gains far more
 * than any text that goes on from the prompt would, and hides what the others lose: with this cap the mean follows the
 * change of the continuation at Spearman 0.75, without it at 0.58 (docs/design/guard.md). 2026-11-26
 */
export const GUARD_MOST_GAIN_NATS = 0.1;
/** Picks that are new to the model below which the guard does not judge: the first tells nothing, one more is a chance. 2026-11-26 */
export const GUARD_MIN_PICKS = 3;
/** Last picks whose mean difference tells early that a rate is too large; the first pick's zero counts there. 2026-11-26 */
export const GUARD_EARLY_PICKS = 2;
/** Above this mean of theirs the steps are undone at once: of rates that harm most differ by more, of others none do. 2026-11-26 */
export const GUARD_EARLY_NATS = 0.05;
/** Above this mean of all differences, at the end, tuning does not count as help: a fifth of the most. 2026-11-26 */
export const GUARD_END_NATS = -0.02;
/** Where the first picks gained at least this, and the last ones lost more than the other, the last steps are undone. 2026-11-26 */
export const GUARD_FIRST_PART_NATS = -0.02;
export const GUARD_LAST_PART_NATS = 0.02;
/** Picks of either part, at least: one alone may differ by chance. 2026-11-26 */
export const GUARD_PART_PICKS = 2;
/** By what the learning rate is divided when the steps are begun again: a grid of rates has three to a power of ten. 2026-11-26 */
export const GUARD_RATE_DIVISOR = 3;
/** Times that the steps of one request are begun again at a lower rate: a ninth of the rate that was asked for. 2026-11-26 */
export const GUARD_MAX_RESTARTS = 2;
/** Of these, after all steps were made: each costs the whole tuning again. 2026-11-26 */
export const GUARD_MAX_LATE_RESTARTS = 1;
/** Further work is begun only if its estimate, times this, fits into the time left: estimates are from a few steps. 2026-11-26 */
export const GUARD_TIME_FACTOR = 1.5;

// ── Adapters that outlive their request (gateway/adapters/) ──────────────────────────────────────────────────────
/** Bytes of adapters kept in all by default: some ten of SmolLM2-135M at rank 32 (39 MB each). 2026-11-26 */
export const ADAPTER_BYTES = 512 * 1024 * 1024;
/** Milliseconds that an adapter is kept by default, however often it is found: what was deleted while the gateway could not
 * be told ends then. 2026-11-26 */
export const ADAPTER_TTL_MS = 30 * 60_000;
/** Adapters in all: one without steps, where the guard went back to the base, takes next to no bytes. 2026-11-26 */
export const MAX_ADAPTERS = 10_000;
/** Milliseconds that a finished answer waits for its adapter to be kept, and never more than half of the time it has left:
 * a copy of all bytes that are allowed takes some two seconds. 2026-11-26 */
export const KEEP_ADAPTER_MS = 3_000;
/** Milliseconds between two looks for adapters whose time is over. 2026-11-26 */
export const SWEEP_ADAPTERS_MS = 60_000;
/** Ids of deleted examples told to the gateway at once. 2026-11-26 */
export const MAX_FORGOTTEN = 1_000;
/** Characters of the name that the edge gives a corpus: a random space of a few dozen. 2026-11-26 */
export const MAX_ORIGIN_CHARACTERS = 128;
/** Milliseconds that a deletion waits for the gateway to forget; it is not failed by it. 2026-11-26 */
export const FORGET_MS = 2_000;

// ── The edge's calls to the gateway ──────────────────────────────────────────────────────────────────────────────
/** Milliseconds the edge waits for the gateway: to answer at all, and between bytes (heartbeats come every 10 s). 2026-11-24 */
export const GATEWAY_FIRST_BYTE_MS = 15_000;
export const GATEWAY_IDLE_MS = 30_000;
/** Milliseconds of a whole call: the gateway's own deadline comes first, whatever it was told, and says more. 2026-11-26 */
export const GATEWAY_DEADLINE_MS = MAX_DEADLINE_MS + 10_000;
/** Bytes of a JSON answer: a score with MAX_STEPS steps is 0.2 MB with ids of 512 characters. 2026-11-26 */
export const MAX_GATEWAY_ANSWER_BYTES = 4 * 1024 * 1024;
/** Bytes of an error: one sentence, and perhaps a list of models. 2026-11-26 */
export const MAX_GATEWAY_ERROR_BYTES = 64 * 1024;
/** Bytes from one event of a stream to the next, comments counted: an event is a token or a step. 2026-11-26 */
export const MAX_GATEWAY_EVENT_BYTES = 256 * 1024;
/** Bytes of a whole stream: MAX_TOLD log-probabilities are 9 MB; all else is 1 MB a sample at most. 2026-11-26 */
export const MAX_GATEWAY_STREAM_BYTES = 16 * 1024 * 1024;
/** Characters of the gateway's own words that go on to the caller. 2026-11-26 */
export const MAX_RELAYED_CHARACTERS = 1_000;
/** Seconds of a Retry-After that is passed on: what a missing one becomes, and the most. 2026-11-26 */
export const DEFAULT_RETRY_AFTER_S = 5;
export const MAX_RETRY_AFTER_S = 60;
/**
 * Milliseconds within which a connection that fails counts as one that was never made: runtimes do not tell the two
 * apart, and the gateway drops the work of a lost connection at once. 2026-11-26
 */
export const GATEWAY_CONNECT_MS = 1_000;

// ── Several gateways (edge; docs/global.md) ──────────────────────────────────────────────────────────────────────
/** Gateways that GATEWAYS may name, one for each of the nine regions and some to spare. 2026-11-27 */
export const MAX_GATEWAYS = 16;
/** Characters of a gateway's name: it stands in a header, in log lines and in the list of models. 2026-11-27 */
export const MAX_GATEWAY_NAME = 32;
/** The most that one gateway may weigh; the least is above 0. 2026-11-27 */
export const MAX_GATEWAY_WEIGHT = 1_000;
/**
 * Failures after which a gateway is passed over: one, since another one is at hand, and the first look after
 * BREAKER_MIN_MS lets it back. 2026-11-27
 */
export const GATEWAY_FAILURES = 1;
/** Milliseconds for which a gateway's list of models holds; it is then asked for again beside a request. 2026-11-27 */
export const GATEWAY_MODELS_MS = 60_000;
/** Milliseconds that a list must be old before it is asked for again because it lacks a model: once in so long. 2026-11-27 */
export const GATEWAY_MODELS_AGAIN_MS = 5_000;
/** Milliseconds for one look at a gateway: its list of models. A look that says nothing for longer was cut off. 2026-11-27 */
export const GATEWAY_LOOK_MS = 2_000;
/** Configurations of gateways whose state an isolate keeps: a deployment has one. 2026-11-27 */
export const MAX_FLEETS = 8;

// ── Retries (edge) ───────────────────────────────────────────────────────────────────────────────────────────────
/** Share of requests that may be tried a second time: an outage then costs a tenth more load, not twice. 2026-11-26 */
export const RETRY_SHARE = 0.1;
/** Retries at hand at once in an isolate, and those that a quiet one gains each second. 2026-11-26 */
export const RETRY_BURST = 10;
export const RETRY_PER_SECOND = 0.1;
/** Milliseconds before the second try, drawn evenly between the two so that failures do not come back in step. 2026-11-26 */
export const RETRY_MIN_MS = 50;
export const RETRY_MAX_MS = 250;

// ── Keys (edge) ──────────────────────────────────────────────────────────────────────────────────────────────────
/** Characters of a key in an Authorization header: one of ours has 63. 2026-11-26 */
export const MAX_KEY_CHARACTERS = 512;
/**
 * Seconds for which KV may answer from a location's cache (30 is its least), and those for which an isolate remembers what
 * it was told. A key that was revoked works no longer than both together. 2026-11-26
 */
export const KEY_KV_CACHE_S = 30;
export const KEY_CACHE_S = 25;
/** Keys that an isolate remembers, some 1 kB each, and ids of which it remembers that there is no key. 2026-11-26 */
export const MAX_REMEMBERED_KEYS = 2_000;
export const MAX_REMEMBERED_STRANGERS = 10_000;
/** Seconds for which an address that tried too many wrong keys gets no further look-ups of keys not remembered. 2026-11-26 */
export const STRANGER_REST_S = 60;
/** Keys of one tenant. 2026-11-26 */
export const MAX_KEYS = 1_000;
/** Corpora that one key may be limited to: they are read with every request of the key. 2026-11-26 */
export const MAX_KEY_CORPORA = 100;
/** Characters of a key's name. 2026-11-26 */
export const MAX_KEY_NAME = 100;
/** Seconds for which an old secret may go on working beside a new one. 2026-11-26 */
export const MAX_KEY_GRACE_S = 24 * 60 * 60;
/** Bytes of a request that makes or changes a key. 2026-11-26 */
export const MAX_KEY_BODY_BYTES = 64 * 1024;

// ── Rate limits and budgets (edge) ───────────────────────────────────────────────────────────────────────────────
/** Requests of one tenant at one location in so many seconds: as in wrangler.toml, which enforces it. 2026-11-26 */
export const TENANT_REQUESTS = { limit: 600, windowS: 60 };
/** Seconds after which a tenant that asked too often may try again. 2026-11-26 */
export const TENANT_RETRY_S = 10;
/** Seconds in which the rates of the meter are counted. 2026-11-26 */
export const RATE_WINDOW_S = 60;
/** Requests, steps or tokens of a rate or budget: SQLite and JSON hold it exactly. 2026-11-26 */
export const MAX_BUDGET = 1_000_000_000_000;

// ── Idempotency (edge) ───────────────────────────────────────────────────────────────────────────────────────────
/** Characters of an Idempotency-Key: a UUID has 36. 2026-11-26 */
export const MAX_IDEMPOTENCY_KEY = 255;
/** Milliseconds for which an answer is kept. 2026-11-26 */
export const IDEMPOTENCY_MS = 24 * 60 * 60 * 1000;
/** Bytes of an answer that is kept; a row of a Durable Object holds 2 MB. 2026-11-26 */
export const MAX_IDEMPOTENT_BYTES = 1024 * 1024;
/** Milliseconds after which a request that never ended frees its key: longer than any call may take. 2026-11-26 */
export const IDEMPOTENCY_LEASE_MS = GATEWAY_DEADLINE_MS + 10_000;
/** Seconds after which a caller may ask again while the first request under a key is at work. 2026-11-26 */
export const IDEMPOTENCY_RETRY_S = 2;

// ── Corpora (edge) ───────────────────────────────────────────────────────────────────────────────────────────────
/** Characters of a corpus' name: it stands in URLs and storage keys. 2026-11-24 */
export const MAX_CORPUS_NAME = 64;
/** Characters of an example's `source`: it travels with every candidate. 2026-11-24 */
export const MAX_SOURCE = 512;
/** Lines embedded, indexed and committed together at most: few, large Vectorize updates. 2026-11-24 */
export const INGEST_BATCH_LINES = 200;
/** Lines of an upload's first batch: a slow embedder shows itself before much waits for it. 2026-11-26 */
export const INGEST_FIRST_LINES = 25;
/** Milliseconds that a batch should take: clients give up on an answer that says nothing for minutes. 2026-11-26 */
export const INGEST_BATCH_MS = 5_000;
/** Upserts of one batch at most, while the lines that the index refuses are searched by halves: eight of 200. 2026-11-26 */
export const MAX_UPSERTS_OF_A_BATCH = 128;
/** The same for calls of the embedder, which may be a slow service: two of 200. 2026-11-26 */
export const MAX_EMBEDS_OF_A_BATCH = 32;
/** Bytes of lines parsed before other requests get a turn: parsing 2 MiB takes some 20 ms. 2026-11-26 */
export const PREPARE_BYTES = 256 * 1024;
/** Bytes of lines held for one batch: a Worker has 128 MB for everything. 2026-11-24 */
export const INGEST_BATCH_BYTES = 8 * 1024 * 1024;
/** Bytes of unread result lines before an upload waits for its reader: some 80,000 lines. 2026-11-24 */
export const RESULT_BUFFER_BYTES = 8 * 1024 * 1024;
/** Entries of one page of a listing. 2026-11-24 */
export const MAX_PAGE = 1_000;
export const DEFAULT_PAGE = 100;
/** Seconds a Worker isolate remembers what a corpus is (its namespace, stripes, embedder). 2026-11-24 */
export const CORPUS_CACHE_S = 30;
/**
 * Corpora that a Worker isolate remembers, some 300 bytes each and 6 kB with a mean of 1,536 dimensions; the one not used for
 * longest is forgotten first. 2026-11-26
 */
export const MAX_REMEMBERED_CORPORA = 2_000;
/**
 * Vectors of a corpus from which its geometry is measured: quantiles of cosines are then right to 0.02, in some 50 ms for 384
 * dimensions; up to 1 MB of a Durable Object for 1,536. 2026-11-26
 */
export const GEOMETRY_SAMPLE = 256;
/** Examples below which a mean is that of a few texts and says nothing about the embedder. 2026-11-26 */
export const GEOMETRY_LEAST = 50;
/**
 * Squared length of the mean from which selections subtract it: half of what every vector holds is then the same. E5's is
 * 0.85. A narrow subject has a mean of its own, which is no fault of the embedder: one package of the starter corpus has 0.34
 * with the bundled one (95 % of them under 0.5), and the kernel's degree was chosen on such neighbours. 2026-11-26
 */
export const CENTRE_FROM = 0.5;
/** Characters of a chunk that an upload may ask for: below, no passage fits; above, no step reads it whole. 2026-11-26 */
export const MIN_CHUNK = 100;
export const MAX_CHUNK = 20_000;
/** A chunk begins at the earliest so large a share of one after the last: overlap multiplies the vectors, here by eight. 2026-11-26 */
export const MIN_STRIDE_SHARE = 1 / 8;
/** Share of a chunk that repeats the one before, where the caller names none: what npm start does (docs/study/results.md). 2026-11-26 */
export const CHUNK_OVERLAP_SHARE = 3 / 4;
/** Chunks of one text: MAX_TEXT_BYTES in those of npm start are 1,500. 2026-11-26 */
export const MAX_CHUNKS = 2_000;
/**
 * Milliseconds that an upload's status waits for the first results: an upload that ends before them and failed as a whole is
 * answered by a status of its own. 2026-11-26
 */
export const UPLOAD_STATUS_MS = 2_000;
/** Compressed bytes unpacked at a time: they grow to 4 MB at most, and a bomb is noticed in between. 2026-11-26 */
export const UNPACK_BYTES = 4 * 1024;
/** Examples that one request of a deletion by filter looks at: 500 calls of the index, of a Worker's 1,000. 2026-11-26 */
export const DELETE_EXAMINED = 10_000;
/** Entries of the catalogue walked at a time; each needs a vector's metadata from the index, up to 10 KiB. 2026-11-26 */
export const WALK_ENTRIES = 100;
/** Looks at the index for examples that it does not show yet, and milliseconds between two; then an export breaks off. 2026-11-26 */
export const EXPORT_LOOKS = 30;
export const EXPORT_LOOK_MS = 2_000;
/** Seconds after which a caller may try again what needs an example that the index does not show yet. 2026-11-26 */
export const INDEX_LAG_RETRY_S = 5;

// ── Pools (edge) ─────────────────────────────────────────────────────────────────────────────────────────────────
/** Cosine above which two candidates are copies: the second lowers σ² by less than λ = 0.01 hides anyway. 2026-11-24 */
export const NEAR_COPY = 0.999;
/**
 * Rounds that ask past copies for nearer candidates (docs/design/architecture.md); while there are fewer distinct ones than picks,
 * MAX_ROUNDS. Each asks six vectors at once. In the starter corpus four come within a tenth of the nearest neighbours'
 * similarity; eight add a fiftieth. 2026-11-26
 */
export const MAX_ROUNDS_PAST_COPIES = 4;
/**
 * Rounds of six queries that a pool grows by while it holds fewer candidates than there are to be picks: two hundred of the
 * starter corpus take five. 2026-11-26
 */
export const MAX_GROWTH_ROUNDS = 12;
/**
 * Cosine with a residual, less the mean, above which a centred pool's queries look for candidates: that of the fiftieth over
 * 1,140 examples is 0.13 (functions/pool/centred.ts). 2026-11-26
 */
export const AIMED_COSINE = 0.12;
/** Candidates of one pool: at 10 KiB of metadata each they are 40 MB of a Worker's 128. 2026-11-24 */
export const MAX_POOL = 4_000;
/** Queries in flight at once: the connections a Worker may hold. 2026-11-24 */
export const MAX_CONNECTIONS = 6;
/** Bytes of kernel memory kept between selections: a Worker has 128 MB for everything. 2026-11-24 */
export const MAX_KEPT_KERNEL_BYTES = 32 * 1024 * 1024;
/** Milliseconds of silence in a stream before a comment probes whether its reader is there: a closed TCP connection shows
 * only when it is written to, the second time at the latest. 2026-11-24 */
export const SSE_PROBE_MS = 400;

/** Milliseconds that a stream's status waits for its first event: a refusal comes in tens, and a first step in hundreds (2026-11-26) */
export const STREAM_STATUS_MS = 250;
/** λ relative to max‖φ‖² below which float32 makes σ² doubtful; a selection then carries a warning. 2026-11-24 */
export const DOUBTFUL_LAMBDA = 1e-4;
/** Tokens of an embedder's window: below, no sentence fits; above, one run takes minutes and gigabytes. 2026-11-26 */
export const MIN_EMBEDDER_TOKENS = 8;
export const MAX_EMBEDDER_TOKENS = 8_192;
/**
 * 1 − cosine of a text's vectors alone and beside others, above which texts are embedded one at a time: rounding in float32
 * gives 1e-6, in float16 1e-5, 8-bit activations scaled over a whole run 1e-3. 2026-11-26
 */
export const EMBED_ALONE_TOLERANCE = 1e-4;
/** Tokens of the trial's longest text: attention over 8,192 would take gigabytes before anything starts. 2026-11-26 */
export const TRIAL_TOKENS = 2_048;
/** Bytes of a Worker's upload, compressed: Cloudflare's paid and free plans. 2026-11-26 */
export const WORKER_UPLOAD_BYTES = { paid: 10 * 1024 * 1024, free: 3 * 1024 * 1024 };
/** The upload without model and tokenizer: 9.8 MiB with the bundled embedder, whose files are some 6 of them. 2026-11-26 */
export const WORKER_WITHOUT_EMBEDDER_BYTES = 4_000_000;
/** Bytes of a model with which a Worker's 128 MB are used up: the file, the session's copy, the runtime. 2026-11-26 */
export const WORKER_MODEL_BYTES = 25_000_000;
/** Texts embedded in one run of the model. 2026-11-24 */
export const EMBED_BATCH = 32;
/** Tokens of one run, padding included: nothing else of the isolate runs meanwhile. 2026-11-26 */
export const EMBED_RUN_TOKENS = 4_096;
/** Characters tokenised before other requests get a turn: some 30 ms. 2026-11-26 */
export const TOKENISE_CHARACTERS = 32_768;
/** The same for an upload's texts, and tokens of one of its runs: some 3 ms each, for nobody waits for them. 2026-11-26 */
export const BACKGROUND_CHARACTERS = 4_096;
export const BACKGROUND_RUN_TOKENS = 1_024;
/** Turns, of about a millisecond each, that a slice of an upload's work waits for answers that are being made. 2026-11-26 */
export const GIVE_WAY_TURNS = 25;

// ── Vectorize's metadata, as the local Vectorize imitates it (checked 2026-11-24 against its public pages) ────────
/** topK when a query names none. */
export const VECTORIZE_DEFAULT_TOP_K = 5;
/** Properties of an index that can be filtered. */
export const VECTORIZE_MAX_METADATA_INDEXES = 10;
/** UTF-8 bytes of a string that a metadata index keeps; more is cut at a character. */
export const VECTORIZE_MAX_INDEXED_BYTES = 64;
/** Characters of one metadata or filter key. */
export const VECTORIZE_MAX_KEY_CHARACTERS = 512;

// ── Running on one machine (local/) ──────────────────────────────────────────────────────────────────────────────
/** Milliseconds the front keeps an idle connection of a caller's: longer than a client's own 60 s. 2026-11-26 */
export const FRONT_KEEP_ALIVE_MS = 65_000;
/** Bytes written to the state directory to learn whether it can be written: about what one batch of an upload adds. 2026-11-26 */
export const STATE_PROBE_BYTES = 1024 * 1024;
/** Milliseconds GET /health waits for the stores; a busy one then counts as it did last time. 2026-11-26 */
export const HEALTH_WAIT_MS = 1_000;
/** Bytes of a file of a user's corpus: a larger one is no document. 2026-11-24 */
export const MAX_CORPUS_FILE_BYTES = 20_000_000;
/** Names given with a reason why files or examples were passed over; --verbose gives all. 2026-11-26 */
export const MAX_NAMED = 3;
/** Documents of the demonstration: each is tuned for twice, some seconds on two cores. 2026-11-26 */
export const DEMO_DOCUMENTS = 5;
/** Examples deleted at once when documents have gone. 2026-11-26 */
export const DELETES_AT_ONCE = 8;
/** Workers that npm start starts by itself: each holds the model and its weights. 2026-11-26 */
export const MAX_DEFAULT_WORKERS = 4;
/** Workers of one gateway on one machine. 2026-11-24 */
export const MAX_WORKERS = 64;
/** Milliseconds a refusal waits for the rest of a body that is still coming; over loopback 100 MB take under one second. 2026-11-26 */
export const REFUSAL_WAIT_MS = 2_000;

// ── Calibration (cli) ────────────────────────────────────────────────────────────────────────────────────────────
/** Documents that a calibration measures on: some minutes for a model of 100 M parameters on two cores. 2026-11-26 */
export const CALIBRATION_DOCUMENTS = 12;
/** Milliseconds that the probe of a first start takes at most: what somebody who waits for a server bears. 2026-11-26 */
export const PROBE_MS = 120_000;
/** Documents below which nothing departs from the rule by size because no rate saved anything. 2026-11-26 */
export const PROBE_LEAST_DOCUMENTS = 3;
/** Threads of one session by default: matrices of the models here keep no more busy. 2026-11-26 */
export const MAX_DEFAULT_THREADS = 8;
/** Threads of one session at most. 2026-11-26 */
export const MAX_THREADS = 64;

// ── Playground (site) ────────────────────────────────────────────────────────────────────────────────────────────
/** Texts that one map embeds: as many as one query of a pool brings. 2026-11-26 */
export const MAX_MAP_TEXTS = 50;
/** Characters of each: fifty of them stay below MAX_EMBEDDINGS_BYTES, whatever they are written in. 2026-11-26 */
export const MAX_MAP_CHARACTERS = 10_000;
/** Examples that the playground's list shows at a time. 2026-11-26 */
export const LISTED_EXAMPLES = 50;
/** Milliseconds of stillness after which a changed setting selects. 2026-11-26 */
export const SETTLED_MS = 350;

// ── Deployment (cli/deploy) ─────────────────────────────────────────────────────────────────────────────────────
/** Bytes, gzipped, of all modules of the Worker without the bundled embedder; the free plan takes 3 MiB. 2026-11-27 */
export const MAX_LEAN_GZIP_BYTES = 200_000;
/** Milliseconds for one answer of Cloudflare's API; making an index takes some seconds. 2026-11-27 */
export const CLOUDFLARE_ANSWER_MS = 60_000;
/** Times that a request to Cloudflare's API is sent, and milliseconds before the second; each wait is twice the last. 2026-11-27 */
export const CLOUDFLARE_TRIES = 4;
export const CLOUDFLARE_FIRST_WAIT_MS = 1_000;
/** Milliseconds that a Retry-After of Cloudflare's may ask for; its own window for API calls is five minutes. 2026-11-27 */
export const CLOUDFLARE_LONGEST_WAIT_MS = 30_000;
/** Milliseconds for one answer of the deployed Worker while it is checked; a cold one with the embedder takes seconds. 2026-11-27 */
export const DEPLOY_ANSWER_MS = 20_000;
/** Milliseconds for wrangler to bundle and upload the Worker: 10 MB over a slow line, with room. 2026-11-27 */
export const DEPLOY_UPLOAD_MS = 600_000;
/** Milliseconds between two looks at what takes effect later. 2026-11-27 */
export const DEPLOY_LOOK_MS = 2_000;
/** Milliseconds until a new metadata index is listed. 2026-11-27 */
export const METADATA_LISTED_MS = 60_000;
/** Milliseconds until a new workers.dev host answers everywhere (name, certificate). 2026-11-27 */
export const DEPLOY_READY_MS = 180_000;
/** Milliseconds until Vectorize shows a write: its p99 is below two minutes. 2026-11-27 */
export const DEPLOY_SHOWN_MS = 180_000;

// ── Doctor (cli/doctor): what it asks of a machine and of servers ─────────────────────────────────────────────────
/** Bytes of a disk below which it warns: a corpus as large as npm start's own, and temporary files. 2026-11-27 */
export const DOCTOR_DISK_BYTES = 1e9;
/** Bytes of memory below which it warns: npm start with one worker of the bundled model holds 1.3 GB (ps, 2-core container). 2026-11-27 */
export const DOCTOR_MEMORY_BYTES = 1.5e9;
/** Milliseconds that a server has to answer one of its questions: a cold Worker with the embedder takes two seconds. 2026-11-27 */
export const DOCTOR_ANSWER_MS = 10_000;
/** Milliseconds for who listens on a port of this machine to say whether it is ours. 2026-11-27 */
export const DOCTOR_PORT_MS = 2_000;

// ── Ingest (cli) ─────────────────────────────────────────────────────────────────────────────────────────────────
/** Examples of one upload, and characters of its body: one that breaks off costs a retry of these only. 2026-11-27 */
export const INGEST_UPLOAD_EXAMPLES = 1_000;
export const INGEST_UPLOAD_CHARACTERS = 1_000_000;
/**
 * Uploads in flight: the edge embeds one while it reads or writes another. Of the embedder's own rate one reaches 0.65, two
 * 0.9, three 1.0 (docs/ingest.md). 2026-11-27
 */
export const INGEST_UPLOADS_AT_ONCE = 3;
/** Characters of a chunk of a document, as npm start cuts (docs/study/results.md). 2026-11-27 */
export const INGEST_CHUNK = 700;
/** Seconds without progress after which an ingest gives up on a busy edge, unless it is told otherwise, and at most. 2026-11-27 */
export const INGEST_PATIENCE_S = 120;
export const MAX_INGEST_PATIENCE_S = 86_400;
/** Milliseconds that an ingest which was stopped waits to learn which corpus its journal is about. 2026-11-27 */
export const INGEST_LAST_LOOK_MS = 2_000;
/** Milliseconds before the second try of an upload, doubled up to the most. 2026-11-27 */
export const INGEST_RETRY_MIN_MS = 500;
export const INGEST_RETRY_MAX_MS = 30_000;
/** Bytes of one PDF: a book with its pictures; it is held as a whole. 2026-11-27 */
export const MAX_PDF_BYTES = 100_000_000;
/** Pages of one PDF, milliseconds that opening it or one page may take, and its text's characters. 2026-11-27 */
export const MAX_PDF_PAGES = 10_000;
export const PDF_STEP_MS = 20_000;
export const MAX_PDF_CHARACTERS = 50_000_000;
/** Megabytes of memory in which a PDF is read: more is a bomb, or wants a program of its own. 2026-11-27 */
export const PDF_MEMORY_MB = 1_024;
/** Characters of one HTML page; its tree takes some fifty times as many bytes. 2026-11-27 */
export const MAX_HTML_CHARACTERS = 10_000_000;
/** Levels of nesting of HTML that are read; the deepest real pages have some hundreds. 2026-11-27 */
export const MAX_HTML_DEPTH = 1_000;
/** Bytes of a .gitignore, and of the beginning of stdin that tells what it is. 2026-11-27 */
export const MAX_GITIGNORE_BYTES = 1_000_000;
export const INGEST_PEEK_BYTES = 64 * 1024;
