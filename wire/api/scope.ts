// What a key may do. Scopes do not contain each other: a key that administers but may not select has `admin` alone.
import * as z from 'zod';

export const SCOPES = ['read', 'select', 'generate', 'write', 'admin'] as const;

export const scope = z.enum(SCOPES);
export type Scope = z.output<typeof scope>;
