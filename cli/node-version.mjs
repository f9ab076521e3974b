// Plain JavaScript, so that an old Node can still run it: everything else here is TypeScript that Node itself reads.
// npm ci brings a Node 26 as an optional package, which leads the PATH of every npm script; this says so when it did not.
// Below 25 Node has no base64 methods of Uint8Array, which the records of a corpus are written with.
const [major = 0] = process.versions.node.split('.').map(Number);
if (major < 25) {
  process.stderr.write(
    `sift-edge runs on Node 25 or newer and found ${process.versions.node}. npm, under Node 20 or newer, brings one ` +
      'as an optional package: install without --omit=optional, or install a newer Node.\n',
  );
  process.exit(1);
}
