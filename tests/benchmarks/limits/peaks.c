/* What this CPU can do at most: reading memory, and multiply-adds from registers. See measure.py.
 *
 * Each function repeats its work `times` over. Sums side by side hide the latency of an instruction. Compiled for the CPU that it runs on (-march=native).
 */
#include <immintrin.h>
#include <stdint.h>

/* Bytes are read once per time, 64 at a time. */
uint64_t read_bytes(const uint8_t *bytes, int64_t count, int64_t times) {
    __m512i sums[8];
    for (int s = 0; s < 8; s++) sums[s] = _mm512_setzero_si512();
    for (int64_t t = 0; t < times; t++)
        for (int64_t i = 0; i + 512 <= count; i += 512)
#pragma GCC unroll 8
            for (int s = 0; s < 8; s++) sums[s] = _mm512_xor_si512(sums[s], _mm512_loadu_si512(bytes + i + 64 * s));
    for (int s = 1; s < 8; s++) sums[0] = _mm512_xor_si512(sums[0], sums[s]);
    return (uint64_t)_mm512_reduce_add_epi64(sums[0]);
}

/* Twelve sums in registers, as assembler: a compiler may neither merge the steps, nor move a sum to memory, nor take other
 * instructions. Factors are zero; the time of these instructions does not depend on them. */
#define TWELVE(step) step("0") step("1") step("2") step("3") step("4") step("5") step("6") step("7") step("8") step("9") step("10") step("11")
#define CLEAR(n) "vpxorq %%zmm" n ", %%zmm" n ", %%zmm" n "\n\t"
#define USED "zmm0", "zmm1", "zmm2", "zmm3", "zmm4", "zmm5", "zmm6", "zmm7", "zmm8", "zmm9", "zmm10", "zmm11", "zmm12"

#define MULTIPLY(name, step)                                                                        \
    void name(int64_t times) {                                                                      \
        __asm__ volatile(TWELVE(CLEAR) CLEAR("12") ::: USED);                                       \
        for (int64_t t = 0; t < times; t++) __asm__ volatile(TWELVE(step) ::: USED);                \
    }

/* 16 multiplications and additions of float32 per step and sum. */
#define FLOAT32(n) "vfmadd231ps %%zmm12, %%zmm12, %%zmm" n "\n\t"
MULTIPLY(multiply_float32, FLOAT32)

#ifdef __AVX512VNNI__
/* 64 multiplications and additions of int8 per step and sum. */
#define INT8(n) "vpdpbusd %%zmm12, %%zmm12, %%zmm" n "\n\t"
MULTIPLY(multiply_int8, INT8)
#endif

#ifdef __AVX512BF16__
/* 32 multiplications and additions of bfloat16 per step and sum. */
#define BFLOAT16(n) "vdpbf16ps %%zmm12, %%zmm12, %%zmm" n "\n\t"
MULTIPLY(multiply_bfloat16, BFLOAT16)
#endif
