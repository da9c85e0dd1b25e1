/* Exact nearest neighbours: integer scores of the codes rule rows out, float64 distances of the rows decide.
 *
 * frame.py defines the codes and proves the bound. In its words: a row x may be among the k nearest of a query q only if
 *
 *     step |cq - cx|  <=  reach,      reach = (farthest + error of q + largest error of a row) (1 + 1e-9),
 *
 * where `farthest` is the largest of the k smallest distances found so far. Everything in |cq - cx| is an integer, so
 * that nothing is rounded: with the score cq.cx - floor(|cx|^2 / 2),
 *
 *     |cq - cx|^2 <= (reach / step)^2   implies   score >= cq.cx - |cx|^2 / 2 >= (|cq|^2 - (reach / step)^2) / 2 =: t.
 *
 * Rows below floor(t) - 1 are skipped (the 1 covers the rounding of t itself); every other row is measured. A loose
 * bound costs time and never an answer. Two tricks make a score one instruction per four numbers of 16 rows: the sum
 * starts at -floor(|cx|^2 / 2), and rows hold cx + 128, for the instruction takes one factor without a sign; what
 * this adds to every score, 128 times the sum of cq, is added to the query's limit as well.
 *
 * Sizes: width <= 1024 numbers of -127 to 127, so that a score stays within 1024 * 255 * 127 + 1024 * 127 * 127 / 2 < 2^26.
 *
 * Compile with -ffp-contract=off: a fused multiply-add rounds once where numpy rounds twice. kernel.py checks the
 * distances against numpy's when it loads the library.
 */
#include <immintrin.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { NONE, AVX2, VNNI512 };

/* The best kind that this CPU has. */
int cxrgate_cpu(void) {
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vnni")) return VNNI512;
    return __builtin_cpu_supports("avx2") ? AVX2 : NONE;
}

#pragma GCC target("avx2") /* whatever follows, and more where a function says so */

enum { PANEL = 16 };          /* rows whose codes lie together, four numbers of each in turn */
enum { PADDING = 8 * PANEL }; /* rows come in multiples of this, see codes.py */
enum { AHEAD = 4 };           /* rows that are fetched from memory before they are measured */
enum { LONG_ROW = 256 };      /* numbers above which a row is fetched into the second-level cache: the first waits for few lines at once */
enum { FEW = 8, MANY = 16 };  /* times k: candidates that wait for being measured, many of long rows, so that fewer have to be */
enum { GROUP = 504 };         /* queries per pass over the references: their codes fit the second-level cache */
enum { BLOCK = 1 << 18 };     /* bytes of codes that all queries of a group visit while they are in that cache */
enum { MOST_VECTORS = 8 };    /* of rows in a tile */
enum { POOLS = 1 << 23 };     /* bytes of candidates that the queries of a group may hold together */

typedef struct {
    const uint8_t *codes;  /* [count / PANEL][width / 4][PANEL][4], each number + 128 */
    const int32_t *starts; /* -floor(|cx|^2 / 2) of each row */
    const float *rows;
    int64_t stride;        /* floats from one row to the next */
    int64_t count;
    int32_t dimensions, width;
    double step, error;    /* error: the largest of any row */
    double (*sum_squares)(const float *, const float *, int64_t);
} References;

typedef struct {
    const float *vector;
    double *distances;    /* the best found so far: a heap, the worst on top */
    int64_t *rows;
    int64_t *pool;        /* rows that may be among the k nearest: score << 32 | row */
    double error;
    double square, shift; /* |cq|^2, and 128 times the sum of cq */
    int64_t measured;
    int32_t limit;        /* scores below it are out */
    int32_t k, found, capacity, waiting;
} Query;

static inline int64_t at_most(int64_t a, int64_t b) { return a < b ? a : b; }

/* ---- the k best, as a heap: nearer is better, of equal distances the earlier row ---- */

static inline int worse(double a, int64_t row_a, double b, int64_t row_b) {
    return a > b || (a == b && row_a > row_b);
}

static void place(Query *q, int32_t i, int32_t size, double distance, int64_t row) {
    for (int32_t child; (child = 2 * i + 1) < size; i = child) {
        if (child + 1 < size && worse(q->distances[child + 1], q->rows[child + 1], q->distances[child], q->rows[child])) child++;
        if (!worse(q->distances[child], q->rows[child], distance, row)) break;
        q->distances[i] = q->distances[child], q->rows[i] = q->rows[child];
    }
    q->distances[i] = distance, q->rows[i] = row;
}

static void offer(Query *q, double distance, int64_t row) {
    if (q->found < q->k) {
        q->distances[q->found] = distance, q->rows[q->found++] = row;
        if (q->found == q->k)
            for (int32_t i = q->k / 2; i-- > 0;) place(q, i, q->k, q->distances[i], q->rows[i]);
    } else if (worse(q->distances[0], q->rows[0], distance, row)) {
        place(q, 0, q->k, distance, row);
    }
}

static void sort(Query *q) {
    for (int32_t last = q->k - 1; last > 0; last--) {
        double distance = q->distances[last];
        int64_t row = q->rows[last];
        q->distances[last] = q->distances[0], q->rows[last] = q->rows[0];
        place(q, 0, last, distance, row);
    }
}

/* ---- from scores to rows ---- */

static inline int32_t score_of(int64_t candidate) { return (int32_t)(candidate >> 32); }
static inline int64_t row_of(int64_t candidate) { return candidate & 0xffffffff; }

/* Move the `best` largest to the front: quickselect. */
static void select_best(int64_t *values, int32_t size, int32_t best) {
    for (int32_t low = 0, high = size - 1; low < high;) {
        const int64_t pivot = values[low + (high - low) / 2];
        int32_t i = low, j = high;
        while (i <= j) {
            while (values[i] > pivot) i++;
            while (values[j] < pivot) j--;
            if (i <= j) {
                const int64_t value = values[i];
                values[i++] = values[j], values[j--] = value;
            }
        }
        if (best <= j) high = j;
        else if (best >= i) low = i;
        else return;
    }
}

/* Always inline: gcc takes a function that only fetches for one without effect, and leaves out calls of it. */
static inline __attribute__((always_inline)) void fetch(const References *r, int64_t candidate) {
    const float *row = r->rows + row_of(candidate) * r->stride;
    if (r->dimensions > LONG_ROW)
        for (int32_t i = 0; i < r->dimensions; i += 16) __builtin_prefetch(row + i, 0, 2);
    else
        for (int32_t i = 0; i < r->dimensions; i += 16) __builtin_prefetch(row + i);
}

/* Offer the first rows of the pool with their distances, then lower the limit. */
static void measure(const References *r, Query *q, int32_t size) {
    for (int32_t i = 0; i < at_most(AHEAD, size); i++) fetch(r, q->pool[i]);
    for (int32_t i = 0; i < size; i++) {
        if (i + AHEAD < size) fetch(r, q->pool[i + AHEAD]);
        const int64_t row = row_of(q->pool[i]);
        offer(q, sqrt(r->sum_squares(q->vector, r->rows + row * r->stride, r->dimensions)), row);
    }
    q->measured += size;
    if (q->found < q->k) return;
    const double reach = (q->distances[0] + q->error + r->error) * (1 + 1e-9) / r->step;
    const double limit = floor((q->square - reach * reach) / 2) - 1 + q->shift;
    q->limit = limit < INT32_MIN + 1.0 ? INT32_MIN + 1 : limit > INT32_MAX ? INT32_MAX : (int32_t)limit;
}

/* Measure the most promising k of the pool, which lowers the limit, and drop what is below it. What remains is measured at
 * once where it would fill the pool again soon, and at the end. */
static void settle(const References *r, Query *q, int at_end) {
    const int32_t best = at_most(q->k, q->waiting);
    int32_t kept = 0;
    select_best(q->pool, q->waiting, best);
    measure(r, q, best);
    for (int32_t i = best; i < q->waiting; i++)
        if (score_of(q->pool[i]) >= q->limit) q->pool[kept++] = q->pool[i];
    if (at_end || kept > q->capacity / 2) {
        measure(r, q, kept);
        kept = 0;
    }
    q->waiting = kept;
}

static __attribute__((noinline)) void keep(const References *r, Query *q, const int32_t *scores, uint32_t lanes, int64_t first) {
    for (; lanes; lanes &= lanes - 1) {
        const int lane = __builtin_ctz(lanes);
        if (first + lane >= r->count || scores[lane] < q->limit) continue;
        q->pool[q->waiting++] = (int64_t)scores[lane] * (1LL << 32) | (first + lane);
        if (q->waiting == q->capacity) settle(r, q, 0);
    }
}

/* ---- distances of rows, and scores of some queries against some vectors of rows, for each kind of CPU ---- */

typedef float Floats __attribute__((vector_size(32), aligned(4), may_alias));
typedef double Doubles __attribute__((vector_size(64)));

#define WIDE(p) __builtin_convertvector(*(const Floats *)(p), Doubles)

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)

/* AVX-512 with VNNI: 16 rows at once. */
#define CPU vnni512
#define TARGET "avx512f,avx512bw,avx512vl,avx512vnni"
#define LANES 16
#define VECTOR __m512i
#define LOAD(p) _mm512_loadu_si512(p)
#define STORE(p, x) _mm512_storeu_si512(p, x)
#define SPREAD(x) _mm512_set1_epi32(x)
/* As assembler, for gcc 12 copies every sum around the intrinsic and takes twice the time. */
#define DOT(sum, rows, query) __asm__("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(rows), "v"(query))
#define REACHED(sum, limit) _mm512_cmpge_epi32_mask(sum, limit)
#include "nearest_tile.h"

/* AVX2 (all but the oldest x86 CPUs): eight rows at once. The sum of two products has 16 bits on its way, which holds
 * 255 * (|a| + |b|) as long as the numbers a and b of the query, side by side, reach 128 together: see kernel.py. */
#define CPU avx2
#define TARGET "avx2"
#define LANES 8
#define VECTOR __m256i
#define LOAD(p) _mm256_loadu_si256((const __m256i *)(p))
#define STORE(p, x) _mm256_storeu_si256((__m256i *)(p), x)
#define SPREAD(x) _mm256_set1_epi32(x)
#define DOT(sum, rows, query) sum = _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_maddubs_epi16(rows, query), _mm256_set1_epi16(1)))
#define REACHED(sum, limit) (255 & ~_mm256_movemask_ps(_mm256_castsi256_ps(_mm256_cmpgt_epi32(limit, sum))))
#include "nearest_tile.h"

/* ---- one call ---- */

/* The float64 distance that decides. */
double cxrgate_distance(int cpu, const float *a, const float *b, int32_t dimensions) {
    return sqrt((cpu == VNNI512 ? sum_squares_vnni512 : sum_squares_avx2)(a, b, dimensions));
}

typedef void (*Scan)(const References *, Query *, const int32_t *, int64_t, int64_t, const int64_t *);

/* How far ahead tile `t` of a block fetches beside each of its vectors: the next block, of which every tile takes a part, so
 * that reading from memory and computing overlap; 0, what is there already, where another tile does it or nothing follows. */
static void share(int64_t ahead[MOST_VECTORS], int64_t t, int64_t tiles, int64_t next) {
    for (int64_t v = 0; v < MOST_VECTORS; v++) ahead[v] = tiles > 1 && v % tiles == t ? next : 0;
}

/* Query codes for a tile: [width / 4][size], four numbers in each; queries that are not there stay zero. */
static void pack(int32_t *packed, const int8_t *codes, int64_t queries, int64_t size, int32_t width) {
    for (int64_t j = 0; j < queries; j++)
        for (int32_t i = 0; i < width / 4; i++) memcpy(packed + i * size + j, codes + j * width + 4 * i, 4);
}

static void begin(Query *q, const int8_t *codes, int32_t width, Query with) {
    *q = with;
    for (int32_t i = 0; i < width; i++) q->square += (double)codes[i] * codes[i], q->shift += 128.0 * codes[i];
}

/* The k nearest rows of each query, nearest first. Returns how many rows were measured, -1 where memory ran out.
 * query_codes is int8 [queries][width]; distances and found are [queries][k], 1 <= k <= count < 2^31. */
int64_t cxrgate_nearest(int cpu, const uint8_t *codes, const int32_t *starts, const float *rows, int64_t stride, int64_t count,
                        int32_t dimensions, int32_t width, double step, double error, const float *vectors, const int8_t *query_codes,
                        const double *query_errors, int64_t queries, int32_t k, double *distances, int64_t *found) {
    const References r = {codes, starts, rows, stride, count, dimensions, width, step, error, cpu == VNNI512 ? sum_squares_vnni512 : sum_squares_avx2};
    const int few = queries <= 2;
    const int64_t size = few ? 1 : cpu == VNNI512 ? TILE_vnni512 : TILE_avx2;
    const Scan scan = cpu == VNNI512 ? (few ? one_vnni512 : some_vnni512) : (few ? one_avx2 : some_avx2);
    const int64_t padded = (count + PADDING - 1) / PADDING * PADDING, block = (BLOCK / width + PADDING - 1) / PADDING * PADDING;
    const int64_t capacity = 16 + at_most((dimensions > LONG_ROW ? MANY : FEW) * (int64_t)k, count + k);
    const int64_t group = (at_most(GROUP, 1 + POOLS / 8 / capacity) + size - 1) / size * size;
    const int64_t most = at_most(group, (queries + size - 1) / size * size);
    Query *state = malloc(most * sizeof(Query));
    int32_t *packed = malloc(most * width);
    int64_t *pools = malloc(most * capacity * sizeof(int64_t)), measured = -1;
    if ((state && packed && pools && capacity <= INT32_MAX) || queries == 0) measured = 0;
    for (int64_t start = 0; measured >= 0 && start < queries; start += group) {
        const int64_t members = at_most(group, queries - start), tiles = (members + size - 1) / size;
        for (int64_t j = 0; j < tiles * size; j++) {
            const int64_t n = start + j;
            state[j] = (Query){.limit = INT32_MAX};
            if (j < members)
                begin(state + j, query_codes + n * width, width, (Query){
                    .vector = vectors + n * dimensions, .distances = distances + n * k, .rows = found + n * k, .pool = pools + j * capacity,
                    .error = query_errors[n], .k = k, .capacity = capacity, .limit = INT32_MIN + 1});
        }
        memset(packed, 0, tiles * size * width);
        for (int64_t t = 0; t < tiles; t++)
            pack(packed + t * size * (width / 4), query_codes + (start + t * size) * width, at_most(size, members - t * size), size, width);
        for (int64_t first = 0; first < padded; first += block)
            for (int64_t t = 0; t < tiles; t++) {
                int64_t ahead[MOST_VECTORS];
                share(ahead, t, tiles, first + block < padded ? block * width : 0);
                scan(&r, state + t * size, packed + t * size * (width / 4), first, at_most(first + block, padded), ahead);
            }
        for (int64_t j = 0; j < members; j++) {
            settle(&r, state + j, 1);
            sort(state + j);
            measured += state[j].measured;
        }
    }
    free(state), free(packed), free(pools);
    return measured;
}
