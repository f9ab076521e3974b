// A mistake of the user's on a command line or in a file: printed as one sentence, without a stack.
// The command lines (cli/) turn it into exit code 1 or 2; whatever else is thrown is a mistake of ours.

export class UsageError extends Error {}
