// Every check, in the order that a request depends on them; one that breaks is a finding too, and stops no other.
import { messageOf } from '../../wire/message.ts';
import { cloudflareCheck } from './cloudflare.ts';
import { edgeCheck } from './edge.ts';
import { embedderCheck, modelCheck, secretsFileCheck, stateCheck } from './files.ts';
import { type Check, type Finding, fail, type Patient } from './finding.ts';
import { gatewayCheck } from './gateway.ts';
import { builtCheck, onnxCheck, workerdCheck } from './installed.ts';
import { diskCheck, memoryCheck, nodeCheck } from './machine.ts';
import { portsCheck } from './ports.ts';

const HERE: readonly Check[] = [
  nodeCheck,
  memoryCheck,
  diskCheck,
  onnxCheck,
  workerdCheck,
  builtCheck,
  modelCheck,
  embedderCheck,
  stateCheck,
  secretsFileCheck,
  portsCheck,
];
const ELSEWHERE: readonly Check[] = [gatewayCheck, edgeCheck, cloudflareCheck];

/** Of this machine too, or only of the servers. */
export async function* diagnose(patient: Patient, here: boolean): AsyncGenerator<Finding, void, void> {
  for (const check of [...(here ? HERE : []), ...ELSEWHERE]) {
    try {
      yield* await check(patient);
    } catch (error) {
      if (patient.signal.aborted) throw error;
      yield fail(check.name, `${check.name} broke`, messageOf(error), 'report it, with this line');
    }
  }
}
