// Durable Object classes of the edge in Node, over the storage of objects.ts. A file that uses them mocks workerd's module:
//   vi.mock('cloudflare:workers', () => import('./durable.ts'));

export class DurableObject {
  readonly ctx: unknown;
  readonly env: unknown;
  constructor(ctx: unknown, env: unknown) {
    this.ctx = ctx;
    this.env = env;
  }
}

export type ObjectClass<Methods> = new (state: unknown, env: unknown) => Methods;

/** A module of workerd's side, which Node's compiler settings do not know. */
export const load = (path: string): Promise<object> => import(path);
