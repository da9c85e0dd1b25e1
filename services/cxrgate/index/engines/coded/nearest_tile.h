/* What nearest.c has for each kind of CPU, and includes once for each: scores of a tile of queries against the rows from
 * `first` to `end`, and distances.
 *
 * A tile is QUERIES x VECTORS sums that stay in registers while the codes stream past: a vector of rows is loaded once for
 * all queries, four numbers of a query once for all rows. Meanwhile the codes that lie `ahead` bytes behind each vector's are
 * fetched into the second-level cache. */

#define SCAN(NAME, QUERIES, VECTORS)                                                                                            \
    __attribute__((target(TARGET))) static void NAME(const References *r, Query *q, const int32_t *packed, int64_t first,       \
                                                     int64_t end, const int64_t *ahead) {                                      \
        const int64_t panel = (int64_t)r->width * PANEL;                                                                        \
        for (; first < end; first += VECTORS * LANES) {                                                                         \
            VECTOR sums[QUERIES][VECTORS];                                                                                      \
            const uint8_t *codes[VECTORS];                                                                                      \
            _Pragma("GCC unroll 8") for (int v = 0; v < VECTORS; v++) {                                                         \
                const int64_t row = first + v * LANES;                                                                          \
                codes[v] = r->codes + row / PANEL * panel + row % PANEL * 4;                                                    \
                _Pragma("GCC unroll 8") for (int j = 0; j < QUERIES; j++) sums[j][v] = LOAD(r->starts + row);                   \
            }                                                                                                                   \
            for (int32_t i = 0; i < r->width / 4; i++) {                                                                        \
                VECTOR rows[VECTORS];                                                                                           \
                _Pragma("GCC unroll 8") for (int v = 0; v < VECTORS; v++) {                                                    \
                    rows[v] = LOAD(codes[v] + i * PANEL * 4);                                                                  \
                    __builtin_prefetch(codes[v] + i * PANEL * 4 + ahead[v], 0, 2);                                             \
                }                                                                                                              \
                _Pragma("GCC unroll 8") for (int j = 0; j < QUERIES; j++) {                                                     \
                    const VECTOR numbers = SPREAD(packed[i * QUERIES + j]);                                                     \
                    _Pragma("GCC unroll 8") for (int v = 0; v < VECTORS; v++) DOT(sums[j][v], rows[v], numbers);                \
                }                                                                                                               \
            }                                                                                                                   \
            _Pragma("GCC unroll 8") for (int j = 0; j < QUERIES; j++) {                                                         \
                const VECTOR limit = SPREAD(q[j].limit);                                                                        \
                _Pragma("GCC unroll 8") for (int v = 0; v < VECTORS; v++) {                                                     \
                    const uint32_t lanes = REACHED(sums[j][v], limit);                                                          \
                    if (__builtin_expect(lanes != 0, 0)) {                                                                      \
                        int32_t scores[LANES];                                                                                  \
                        STORE(scores, sums[j][v]);                                                                              \
                        keep(r, q + j, scores, lanes, first + v * LANES);                                                       \
                    }                                                                                                           \
                }                                                                                                               \
            }                                                                                                                   \
        }                                                                                                                       \
    }

/* Sums enough to hide the latency of an addition, in half of the registers. One query needs many rows in flight instead. */
enum { JOIN(TILE_, CPU) = LANES == 16 ? 8 : 4 };
#if LANES == 16
SCAN(JOIN(some_, CPU), 8, 2)
SCAN(JOIN(one_, CPU), 1, 8)
#else
SCAN(JOIN(some_, CPU), 4, 2)
SCAN(JOIN(one_, CPU), 1, 4)
#endif

/* ---- float64 decides: numpy's add.reduce(difference * difference), the same additions in the same order ---- */

/* Up to 128 numbers: eight sums side by side, then folded; what is left over comes last. */
__attribute__((target(TARGET))) static double JOIN(sum_block_, CPU)(const float *a, const float *b, int64_t n) {
    Doubles sums = {0};
    int64_t i = 0;
    for (; i + 8 <= n; i += 8) {
        Doubles difference = WIDE(a + i) - WIDE(b + i);
        sums += difference * difference;
    }
    double sum = ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
    for (; i < n; i++) {
        double difference = (double)a[i] - (double)b[i];
        sum += difference * difference;
    }
    return sum;
}

__attribute__((target(TARGET))) static double JOIN(sum_squares_, CPU)(const float *a, const float *b, int64_t n) {
    if (n <= 128) return JOIN(sum_block_, CPU)(a, b, n);
    int64_t half = n / 2 / 8 * 8;
    return JOIN(sum_squares_, CPU)(a, b, half) + JOIN(sum_squares_, CPU)(a + half, b + half, n - half);
}

#undef SCAN
#undef CPU
#undef TARGET
#undef LANES
#undef VECTOR
#undef LOAD
#undef STORE
#undef SPREAD
#undef DOT
#undef REACHED
