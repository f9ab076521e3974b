// What was thrown, as text: an Error's message, or whatever else it was.

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
