// The way to a tenant's meter.
import { FaultError } from '../../wire/faults.ts';
import type { Env } from '../env.ts';

export const meterOf = (env: Env, tenant: string) => {
  if (env.METER === undefined) throw new FaultError({ kind: 'not_configured', what: 'the meter (METER)' });
  return env.METER.getByName(tenant);
};
