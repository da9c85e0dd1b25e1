/* Scores of a tile of queries against the rows from `first` to `end`; nearest.c includes this once per kind of CPU.
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
