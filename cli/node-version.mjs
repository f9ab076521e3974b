// Plain JavaScript, so that an old Node can still run it: everything else here is TypeScript that Node itself reads.
// npm ci brings a Node 26 as an optional package, which leads the PATH of every npm script; this says so when it did not.
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 18)) {
  process.stderr.write(
    `sift-edge needs Node 22.18 or newer and found ${process.versions.node}. npm ci installs one for itself as an optional ` +
      'package: run it without --omit=optional, or install a newer Node.\n',
  );
  process.exit(1);
}
