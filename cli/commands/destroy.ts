// `sift-edge destroy`: takes a deployment away again, after its name was typed.
import type { Command } from './command.ts';
import { flag, text } from './values.ts';

export const destroy: Command = {
  name: 'destroy',
  summary: 'delete a deployment and everything it holds',
  details:
    'Deletes the Worker, its KV namespaces, bucket and index, once the name was typed. What is gone already is passed over.',
  flags: [
    { flags: '--name <name>', summary: 'name of the deployment (default: that of wrangler.toml)' },
    { flags: '--account <id>', summary: 'the account (default: CLOUDFLARE_ACCOUNT_ID, or the only one)' },
    { flags: '--yes <name>', summary: 'the name again, where nobody can be asked' },
    { flags: '--dry-run', summary: 'say what would be deleted' },
  ],
  examples: ['sift-edge destroy', 'sift-edge destroy --name sift-small --yes sift-small'],
  async run({ console, input, values }) {
    const [{ destroy: destroyed }, { ROOT, STATE }, shells, { loginOf, needLogin }, { namesOf, idsOf }] =
      await Promise.all([
        import('../deploy/destroy.ts'),
        import('../workplace.ts'),
        import('../deploy/shell.ts'),
        import('../deploy/login.ts'),
        import('../deploy/settings.ts'),
      ]);
    const { join } = await import('node:path');
    const place = { root: ROOT, directory: join(STATE, 'deploy') };
    const toml = await shells.readToml(ROOT);
    const names = namesOf(text(values, 'name') ?? toml.name ?? 'sift-edge', toml);
    const before = await shells.readBefore(shells.configPathOf(place, names.name));
    const wanted = { given: text(values, 'account'), before: before?.account_id ?? toml.account_id };
    const { api, account } = needLogin(await loginOf(ROOT, process.env, wanted, console.signal));
    const yes = text(values, 'yes');
    const ask = async (): Promise<string | undefined> => {
      if (yes !== undefined) return yes;
      const { typedLine } = await import('../ask/confirm.ts');
      return typedLine({ console, input }, `Type ${names.name} to delete all of this:`);
    };
    const destroying = {
      ...{ api, account: account.id, names, ids: idsOf(names, toml), dryRun: flag(values, 'dryRun') },
      confirm: ask,
      forget: () => shells.forget(place, names.name),
    };
    return destroyed(destroying, console);
  },
};
