// `sift-edge completion SHELL`: a script that makes a shell complete commands, flags and their values.
import type { Command } from './command.ts';

const SHELLS = ['bash', 'zsh', 'fish'] as const;

export const completion: Command = {
  name: 'completion',
  summary: 'print a script by which a shell completes commands, flags, files and choices',
  positionals: [{ name: '<shell>', summary: 'which', values: SHELLS }],
  examples: [
    'eval "$(sift-edge completion bash)"                                    # in ~/.bashrc',
    'eval "$(sift-edge completion zsh)"                                     # in ~/.zshrc, after compinit',
    'sift-edge completion fish > ~/.config/fish/completions/sift-edge.fish',
  ],
  async run({ console, commands, positionals: [shell] }) {
    const { bashCompletion } = await import('../completion/bash.ts');
    const { zshCompletion } = await import('../completion/zsh.ts');
    const { fishCompletion } = await import('../completion/fish.ts');
    const of = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion };
    const script = of[shell as (typeof SHELLS)[number]](commands);
    console.write(script);
    console.emit({ shell, script });
    return undefined;
  },
};
