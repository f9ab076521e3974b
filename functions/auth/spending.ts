/** What a request takes of its key's budgets, as it becomes known. */
export interface Spending {
  add(amount: { readonly steps: number; readonly tokens: number }): void;
}
