// Packages that came after the starter corpus was fixed. It is read from whatever npm installed, so that every new
// dependency would change it, and with it the documents that the demonstration draws, the figures of the benchmarks and the
// runs of the study: those that are named here stay out.
export const LATER_PACKAGES: ReadonlySet<string> = new Set(['@bufbuild/protobuf']);
