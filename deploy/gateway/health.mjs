// The health check of the gateway's image, which has no curl: exits with 0 if GET /health answers 200 within 4 s.
const port = process.argv[2] ?? '8788';
try {
  const { status } = await fetch(`http://127.0.0.1:${port}/health`, { signal: AbortSignal.timeout(4_000) });
  if (status !== 200) throw new Error(`/health answered ${status}`);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
}
