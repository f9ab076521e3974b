// The kernel in workerd (Cloudflare Workers), which compiles no bytes: a module that came with the Worker.
import { isolateKernel } from '../functions/kernel/module.workerd.ts';

export const load = async () => isolateKernel();
