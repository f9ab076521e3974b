// The contract suite on every backend there is: the fake one that the gateway's tests stand on, and the embedded one.
import { createEmbeddedBackend } from '../../gateway/backends/embedded/index.ts';
import { describeBackend } from './backend-contract.ts';
import { fakeBackend } from './fake-backend.ts';

const base = new URL('../../models/base', import.meta.url).pathname;

describeBackend('fake', async () =>
  fakeBackend({ concurrency: 2, seeded: true, pieces: ['Once', ' upon', ' a', ' time'] }),
);
describeBackend('fake that keeps weights', async () =>
  fakeBackend({ concurrency: 2, seeded: true, keptBytes: 100, pieces: ['Once', ' upon', ' a', ' time'] }),
);
describeBackend('embedded', () => createEmbeddedBackend({ models: { base }, workers: 2 }));
