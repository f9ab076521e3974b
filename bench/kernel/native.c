// The kernel's algorithm in C, to compare with: float32 rows with 16-lane vectors and fused multiply-add, or int16 rows
// (Q15), whose sums the compiler vectorises. Each sweep goes over all rows, also those of earlier picks, which the kernel
// leaves out.
// usage: native FILE K d N lambda f32|q15; FILE holds the query and then K rows, float32, d a multiple of 16.
// For each line "R" on stdin it makes R selections and prints "NANOSECONDS pick pick ...".
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef float v16 __attribute__((vector_size(64)));

static int K, Kp, d, N;
static double lambda;
static float *rows, *query, *gram, *L;
static double *c, *v;
static int *slot, *picks;
static int isQ15;
static short *rows15, *query15;

static float sum16(v16 x) {
  float s = 0;
  for (int i = 0; i < 16; i++) s += x[i];
  return s;
}

// out[x] = row_x . s; 4 rows x 2 accumulators, or 4 x 1 for the 16 values an odd d leaves over
static void sweep(const float *s, float *out) {
  const v16 *u = (const v16 *)s;
  const int n = d / 16;
  for (int x = 0; x < Kp; x += 4) {
    const v16 *p0 = (const v16 *)(rows + (size_t)x * d), *p1 = p0 + n, *p2 = p1 + n, *p3 = p2 + n;
    v16 a0 = {0}, a1 = {0}, a2 = {0}, a3 = {0}, b0 = {0}, b1 = {0}, b2 = {0}, b3 = {0};
    int i = 0;
    for (; i + 2 <= n; i += 2) {
      a0 += u[i] * p0[i], a1 += u[i] * p1[i], a2 += u[i] * p2[i], a3 += u[i] * p3[i];
      b0 += u[i + 1] * p0[i + 1], b1 += u[i + 1] * p1[i + 1], b2 += u[i + 1] * p2[i + 1], b3 += u[i + 1] * p3[i + 1];
    }
    if (i < n) a0 += u[i] * p0[i], a1 += u[i] * p1[i], a2 += u[i] * p2[i], a3 += u[i] * p3[i];
    out[x] = sum16(a0 + b0), out[x + 1] = sum16(a1 + b1), out[x + 2] = sum16(a2 + b2), out[x + 3] = sum16(a3 + b3);
  }
}

static int dot15(const short *restrict a, const short *restrict b) {
  int sum = 0;
  for (int i = 0; i < d; i++) sum += a[i] * b[i];
  return sum;
}

static const float UNIT = 1.0f / (32767.0f * 32767.0f);

// the same over int16 rows, summed exactly; 4 rows at a time
static void sweep15(const short *restrict s, float *restrict out) {
  for (int x = 0; x < Kp; x += 4) {
    const short *p0 = rows15 + (size_t)x * d, *p1 = p0 + d, *p2 = p1 + d, *p3 = p2 + d;
    int a0 = 0, a1 = 0, a2 = 0, a3 = 0;
    for (int i = 0; i < d; i++) a0 += s[i] * p0[i], a1 += s[i] * p1[i], a2 += s[i] * p2[i], a3 += s[i] * p3[i];
    out[x] = a0 * UNIT, out[x + 1] = a1 * UNIT, out[x + 2] = a2 * UNIT, out[x + 3] = a3 * UNIT;
  }
}

static void sweepRow(int s, float *out) {
  if (isQ15) sweep15(rows15 + (size_t)s * d, out);
  else sweep(rows + (size_t)s * d, out);
}

static void selection(void) {
  int distinct = 0, best = -1;
  double top = 0;
  if (isQ15) sweep15(query15, gram);
  else sweep(query, gram);
  for (int x = 0; x < Kp; x++) {
    const v16 *p = (const v16 *)(rows + (size_t)x * d);
    v16 a = {0}, b = {0};
    int i = 0;
    for (; !isQ15 && i + 2 <= d / 16; i += 2) a += p[i] * p[i], b += p[i + 1] * p[i + 1];
    if (!isQ15 && i < d / 16) a += p[i] * p[i];
    v[x] = isQ15 ? dot15(rows15 + (size_t)x * d, rows15 + (size_t)x * d) * (double)UNIT : sum16(a + b);
    c[x] = gram[x], slot[x] = -1;
    const double score = c[x] * c[x] / (v[x] + lambda);
    if (score > top) top = score, best = x;
  }
  for (int n = 0; n < N; n++) {
    picks[n] = best;
    if (best < 0) continue;
    const int s = best;
    if (slot[s] < 0) {
      slot[s] = distinct++;
      sweepRow(s, gram + (size_t)slot[s] * Kp);
    }
    if (n + 1 == N) break;
    const float *g = gram + (size_t)slot[s] * Kp;
    const float *own = L + (size_t)(s / 16) * N * 16 + s % 16;
    const double root = sqrt(v[s] + lambda), y = c[s] / root;
    const float scale = (float)(1 / root);
    float w[N];
    for (int j = 0; j < n; j++) w[j] = own[(size_t)j * 16];
    top = 0, best = -1;
    for (int x = 0; x < Kp; x += 16) {
      v16 *column = (v16 *)(L + (size_t)x * N);
      v16 k = *(const v16 *)(g + x);
      for (int j = 0; j < n; j++) k -= w[j] * column[j];
      k *= scale;
      column[n] = k;
      float l[16];
      double score[16];
      memcpy(l, &k, sizeof l);
      for (int i = 0; i < 16; i++) {
        const double li = l[i], vi = v[x + i] - li * li, ci = c[x + i] - li * y;
        const double vp = vi > 0 ? vi : 0;
        v[x + i] = vp, c[x + i] = ci;
        score[i] = ci * ci / (vp + lambda);
      }
      for (int i = 0; i < 16; i++)
        if (score[i] > top) top = score[i], best = x + i;
    }
  }
}

static void *zeros(size_t bytes) {
  const size_t rounded = (bytes + 63) & ~(size_t)63;
  void *p = aligned_alloc(64, rounded);
  if (p == NULL) exit(3);
  return memset(p, 0, rounded);
}

static short *quantised(const float *values, size_t count) {
  short *out = zeros(count * 2);
  for (size_t i = 0; i < count; i++) out[i] = (short)lrintf(32767.0f * values[i]);
  return out;
}

int main(int argc, char **argv) {
  if (argc != 7) return 2;
  isQ15 = strcmp(argv[6], "q15") == 0;
  K = atoi(argv[2]), d = atoi(argv[3]), N = atoi(argv[4]), lambda = atof(argv[5]);
  if (K <= 0 || N <= 0 || d <= 0 || d % 16 != 0) return 2;
  Kp = (K + 15) / 16 * 16;
  rows = zeros((size_t)Kp * d * 4), query = zeros((size_t)d * 4), gram = zeros((size_t)N * Kp * 4);
  L = zeros((size_t)Kp * N * 4), c = zeros((size_t)Kp * 8), v = zeros((size_t)Kp * 8);
  slot = zeros((size_t)Kp * 4), picks = zeros((size_t)N * 4);
  FILE *file = fopen(argv[1], "rb");
  if (file == NULL || fread(query, 4, d, file) != (size_t)d || fread(rows, 4, (size_t)K * d, file) != (size_t)K * d) {
    fprintf(stderr, "%s does not hold %d rows of %d\n", argv[1], K, d);
    return 1;
  }
  fclose(file);
  if (isQ15) rows15 = quantised(rows, (size_t)Kp * d), query15 = quantised(query, d);
  for (int repetitions; scanf("%d", &repetitions) == 1;) {
    struct timespec from, to;
    clock_gettime(CLOCK_MONOTONIC, &from);
    for (int r = 0; r < repetitions; r++) selection();
    clock_gettime(CLOCK_MONOTONIC, &to);
    printf("%.0f", (to.tv_sec - from.tv_sec) * 1e9 + (to.tv_nsec - from.tv_nsec));
    for (int n = 0; n < N; n++) printf(" %d", picks[n]);
    printf("\n");
    fflush(stdout);
  }
  return 0;
}
