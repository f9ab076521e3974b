// Whether all numbers of an array are finite: one pass without a branch, since weights are millions.

/** Zero times a number is zero, times NaN or an infinity it is NaN. */
export const allFinite = (data: Float32Array): boolean => {
  let zero = 0;
  for (let i = 0; i < data.length; i++) zero += 0 * (data[i] as number);
  return zero === 0;
};
