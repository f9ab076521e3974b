// A mistake of the user's on a command line or in a file: printed as one sentence, without a stack.
// The command lines (cli/exit.ts) turn it into exit code 2; whatever else is thrown is a mistake of ours.

export class UsageError extends Error {}

/** Nothing is wrong with what was typed, but with what is on this machine: a taken port, a full disk. Exit code 1. */
export class MachineError extends UsageError {}
