// Access to a list at a place that must be there. A wrong index is a mistake of ours: it throws, and never becomes a
// default that looks like an answer.

export const at = <T>(list: ArrayLike<T>, index: number): T => {
  const value = list[index];
  if (value === undefined) throw new RangeError(`no entry ${index} in a list of ${list.length}`);
  return value;
};
