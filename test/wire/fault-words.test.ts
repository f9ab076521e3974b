// Messages name the same part of the system as their code does: an operator looks for the one that is named.
import { describe, expect, it } from 'vitest';
import { type Fault, describe as inWords } from '../../wire/faults.ts';

describe('the message of a fault', () => {
  const ofTheGateway: Fault[] = [
    { kind: 'gateway_unreachable', message: 'the connection failed' },
    { kind: 'gateway_timeout', afterMs: 5_000, stage: 'first byte' },
  ];
  it.each(ofTheGateway)('names the gateway where $kind does', (fault) => {
    expect(inWords(fault)).toMatch(/^the gateway /);
  });
});
